"""Import of Hugging Face config.json files: table-driven, without the transformers library."""

from moe_studio.storage.hf.importer import model_from_config

__all__ = ["model_from_config"]
