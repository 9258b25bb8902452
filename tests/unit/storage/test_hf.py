"""Import of config.json files: figures, layouts, omitted keys, unknown families, faults."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moe_studio.errors import FileError
from moe_studio.project.model import Attention, Model
from moe_studio.project.parameter import Parameters, parameters
from moe_studio.storage.hf import model_from_config

CONFIGS = Path(__file__).resolve().parents[2] / "data" / "hf"
NAMES = sorted(path.stem for path in CONFIGS.glob("*.json"))

EXACT = {
    "mistralai--Mixtral-8x7B-v0.1": (46_702_792_704, 12_879_925_248),
    "deepseek-ai--DeepSeek-V2-Lite": (15_706_484_224, 2_661_150_208),
    "deepseek-ai--DeepSeek-V3": (671_026_404_352, 37_552_282_624),
    "moonshotai--Kimi-K2-Instruct": (1_026_408_209_408, 32_861_477_888),
    "Qwen--Qwen1.5-MoE-A2.7B": (14_315_784_192, 2_689_173_504),
    "Qwen--Qwen3-30B-A3B": (30_532_122_624, 3_353_032_704),
    "Qwen--Qwen3-235B-A22B": (235_093_634_560, 22_190_763_520),
    "openai--gpt-oss-20b": (20_914_757_184, 4_187_440_704),
    "openai--gpt-oss-120b": (116_829_156_672, 5_711_982_912),
    "meta-llama--Llama-4-Maverick-17B-128E-Instruct": (400_711_848_960, 17_184_691_200),
    "allenai--OLMoE-1B-7B-0924": (6_919_161_856, 1_282_017_280),
    "ai21labs--Jamba-v0.1": (51_570_323_328, 12_110_311_296),
    "microsoft--Phi-3.5-MoE-instruct": (41_873_153_344, 6_640_999_744),
    "zai-org--GLM-4.5-Air": (106_852_245_504, 13_424_123_904),
}
"""Total and active parameters, embedding included, without vision and layers that predict ahead."""

TOTAL = {
    "MiniMaxAI--MiniMax-M2.5": 228_689_748_992,
    "MiniMaxAI--MiniMax-M3": 426_174_565_632,
    "MiniMaxAI--MiniMax-Text-01": 456_089_655_296,
    "Qwen--Qwen2.5-7B": 7_615_616_512,
    "Qwen--Qwen3-8B": 8_190_735_360,
    "Qwen--Qwen3-Next-80B-A3B-Instruct": 79_674_391_296,
    "Qwen--Qwen3.5-27B": 26_895_998_464,
    "Qwen--Qwen3.5-35B-A3B": 34_660_610_688,
    "Qwen--Qwen3.5-397B-A17B": 396_346_350_336,
    "XiaomiMiMo--MiMo-V2-Flash": 308_778_768_832,
    "baidu--ERNIE-4.5-21B-A3B-PT": 21_825_437_888,
    "baidu--ERNIE-4.5-300B-A47B-PT": 299_484_163_264,
    "databricks--dbrx-base": 131_596_523_520,
    "deepseek-ai--DeepSeek-V2": 235_741_434_880,
    "deepseek-ai--DeepSeek-V3.2": 671_877_929_216,
    "deepseek-ai--DeepSeek-V4-Flash": 284_332_230_231,
    "deepseek-ai--DeepSeek-V4-Pro": 1_572_997_179_491,
    "ibm-granite--granite-3.0-1b-a400m-base": 1_334_628_352,
    "ibm-granite--granite-3.0-3b-a800m-base": 3_298_793_472,
    "ibm-granite--granite-4.0-h-tiny": 6_939_037_248,
    "meta-llama--Llama-4-Scout-17B-16E-Instruct": 107_769_861_120,
    "meta-llama--Meta-Llama-3.1-70B": 70_553_706_496,
    "meta-llama--Meta-Llama-3.1-8B": 8_030_261_248,
    "mistralai--Mistral-7B-v0.1": 7_241_732_096,
    "mistralai--Mixtral-8x22B-v0.1": 140_620_634_112,
    "moonshotai--Kimi-K2.5": 1_026_408_209_408,
    "moonshotai--Kimi-Linear-48B-A3B-Instruct": 49_122_675_072,
    "nvidia--NVIDIA-Nemotron-3-Nano-30B-A3B-BF16": 31_577_937_344,
    "nvidia--NVIDIA-Nemotron-3-Super-120B-A12B-FP8": 120_668_687_360,
    "nvidia--NVIDIA-Nemotron-3-Ultra-550B-A55B-BF16": 549_308_968_960,
    "nvidia--Nemotron-H-56B-Base-8K": 56_324_350_464,
    "stepfun-ai--Step-3.7-Flash": 195_844_496_640,
    "tencent--Hunyuan-A13B-Instruct": 80_393_183_232,
    "tencent--Hunyuan-Large": 392_420_579_584,
    "zai-org--GLM-4.5": 352_797_814_784,
    "zai-org--GLM-5": 743_911_199_232,
    "zai-org--GLM-5.2": 743_377_000_704,
}
"""Totals counted on the classes of transformers 5.23, made without weights."""

PUBLISHED = {
    "Qwen--Qwen3-Next-80B-A3B-Instruct": (80, 3, 2),
    "Qwen--Qwen3.5-397B-A17B": (397, 17, 0),
    "XiaomiMiMo--MiMo-V2-Flash": (309, 15, 0),
    "MiniMaxAI--MiniMax-Text-01": (456, 45.9, 2),
    "MiniMaxAI--MiniMax-M2.5": (230, 10, 1),
    "baidu--ERNIE-4.5-300B-A47B-PT": (300, 47, 0),
    "databricks--dbrx-base": (132, 36, 0),
    "deepseek-ai--DeepSeek-V2": (236, 21, 0),
    "deepseek-ai--DeepSeek-V3.2": (671, 37, 0),
    "deepseek-ai--DeepSeek-V4-Flash": (284, 13, 1),
    "deepseek-ai--DeepSeek-V4-Pro": (1600, 49, 1),
    "ibm-granite--granite-3.0-3b-a800m-base": (3.3, 0.8, 1),
    "meituan-longcat--LongCat-Flash-Chat": (560, 27, 0),
    "meta-llama--Llama-4-Scout-17B-16E-Instruct": (109, 17, 0),
    "mistralai--Mixtral-8x22B-v0.1": (141, 39, 0),
    "moonshotai--Kimi-K2.5": (1040, 32, 0),
    "moonshotai--Kimi-Linear-48B-A3B-Instruct": (48, 3, 1),
    "nvidia--NVIDIA-Nemotron-3-Nano-30B-A3B-BF16": (31.6, 3.6, 0),
    "nvidia--NVIDIA-Nemotron-3-Super-120B-A12B-FP8": (120, 12, 0),
    "nvidia--NVIDIA-Nemotron-3-Ultra-550B-A55B-BF16": (550, 55, 0),
    "stepfun-ai--Step-3.5-Flash": (196, 11, 1),
    "tencent--Hunyuan-A13B-Instruct": (80, 13, 0),
    "tencent--Hunyuan-Large": (389, 52, 0),
    "xai-org--grok-1": (314, None, 0),
    "zai-org--GLM-4.5": (355, 32, 0),
    "zai-org--GLM-5": (744, 40, 0),
}
"""Billions in total and active, as published, and how often the vocabulary's matrix is left out of the active."""


DEFAULTS = {
    "deepseek_v32": 671_877_929_216,
    "deepseek_v4": 284_325_869_015,
    "glm_moe_dsa": 743_911_199_232,
    "jamba": 51_570_323_328,
    "kimi_linear": 49_133_074_464,
    "llama4_text": 107_769_861_120,
    "minimax": 47_373_946_880,
    "minimax_m2": 228_689_748_992,
    "mixtral": 46_702_792_704,
    "qwen2": 12_049_846_272,
    "qwen3_5_moe_text": 34_660_610_688,
    "qwen3_5_text": 8_953_803_264,
}
"""Totals of the classes of transformers 5.23 made with no key at all."""

OPTIONS: tuple[tuple[str, dict[str, object], int], ...] = (
    ("deepseek_v3", {"attention_bias": True, "num_hidden_layers": 5}, 26_618_433_856),
    ("ernie4_5_moe", {"use_bias": True, "num_hidden_layers": 3}, 1_963_970_688),
    ("gpt_oss", {"attention_bias": False, "num_hidden_layers": 2}, 7_584_414_144),
    ("granitemoeshared", {"shared_intermediate_size": 1024, "num_hidden_layers": 4}, 4_909_600_768),
    ("jamba", {"mamba_proj_bias": True, "num_hidden_layers": 9}, 13_576_878_336),
    (
        "llama",
        {"attention_bias": True, "mlp_bias": True, "num_hidden_layers": 3, "num_key_value_heads": 8},
        793_909_760,
    ),
    ("longcat_flash", {"zero_expert_num": 0, "num_layers": 2}, 41_539_926_016),
    ("mimo_v2_flash", {"attention_bias": True, "num_hidden_layers": 7}, 40_762_506_560),
    ("olmoe", {"attention_bias": True, "num_hidden_layers": 2}, 1_850_509_312),
    ("phimoe", {"num_hidden_layers": 2}, 2_863_308_800),
    ("qwen2_moe", {"decoder_sparse_step": 2}, 8_085_743_616),
    ("qwen3_moe", {"attention_bias": True, "num_hidden_layers": 3}, 2_463_395_712),
    ("qwen3_next", {"attention_bias": True}, 79_674_526_464),
)
"""A model type, keys, and the total of its class in transformers 5.23 made with those keys."""


def config(name: str) -> dict[str, object]:
    """One of the configurations beside the tests."""
    loaded: dict[str, object] = json.loads((CONFIGS / f"{name}.json").read_text("utf-8"))
    return loaded


def imported(name: str, **changes: object) -> Model:
    """The model of a configuration, with some of its keys changed."""
    return model_from_config({**config(name), **changes}, name=name)


def count(name: str) -> Parameters:
    """The parameters of a configuration's model."""
    return parameters(imported(name))


def attention_names(model: Model) -> list[str]:
    """The kind of each layer: its name among `attentions`, empty for the model's own."""
    names = {id(attention): name for name, attention in model.attentions.items()}
    return [names.get(id(layer.attention), "") for layer in model.layers]


def moe_layers(model: Model) -> list[int]:
    """The numbers of the layers with experts."""
    return [index for index, layer in enumerate(model.layers) if layer.ffn.is_moe]


def faults(raw: Mapping[str, object]) -> dict[str, str]:
    """The faults of a configuration, by key."""
    with pytest.raises(FileError) as caught:
        model_from_config(raw, name="some.json")
    assert str(caught.value).startswith("some.json: ")
    return {fault.path: fault.message for fault in caught.value.faults}


@pytest.mark.parametrize("name", EXACT)
def test_total_and_active_parameters_are_exact(name: str) -> None:
    assert (count(name).total, count(name).active) == EXACT[name]


@pytest.mark.parametrize("name", TOTAL)
def test_the_total_equals_that_of_the_reference_classes(name: str) -> None:
    assert count(name).total == TOTAL[name]


@pytest.mark.parametrize("model_type", DEFAULTS)
def test_a_file_with_no_keys_is_the_default_of_its_class(model_type: str) -> None:
    assert parameters(model_from_config({"model_type": model_type})).total == DEFAULTS[model_type]


@pytest.mark.parametrize(("model_type", "keys", "total"), OPTIONS)
def test_biases_and_other_options_count_as_in_the_reference_classes(
    model_type: str, keys: dict[str, object], total: int
) -> None:
    assert parameters(model_from_config({"model_type": model_type, **keys})).total == total


@pytest.mark.parametrize("name", PUBLISHED)
def test_parameters_are_those_that_are_published(name: str) -> None:
    total, active, left_out = PUBLISHED[name]
    found = count(name)
    assert found.total == pytest.approx(total * 1e9, rel=0.03)
    if active is not None:
        assert found.active - left_out * found.embedding == pytest.approx(active * 1e9, rel=0.1)


@pytest.mark.parametrize("name", NAMES)
def test_every_configuration_gives_a_model_without_surprises(name: str) -> None:
    model = imported(name)
    found = parameters(model)
    assert 0 < found.active <= found.total
    assert model.dtype == "bf16"
    assert len(model.blocks) <= 6
    assert all(warning.endswith(".") for warning in model.warnings)


def test_layers_of_deepseek_v3_are_three_dense_ones_and_then_experts() -> None:
    model = imported("deepseek-ai--DeepSeek-V3")
    assert moe_layers(model) == list(range(3, 61))
    assert [(block.repeat, block.ffn) for block in model.blocks] == [(3, "dense"), (58, "moe")]
    latent = Attention(
        kind="mla", heads=128, q_lora=1536, kv_lora=512, qk_nope=128, qk_rope=64, v_dim=128, extra_parameters=2048
    )
    assert model.attention == latent
    assert (model.dtypes.weights, model.dtypes.experts) == ("fp8", "fp8")
    assert model.ffn["moe"].shared == 1


def test_dense_and_expert_layers_alternate_in_llama_4() -> None:
    model = imported("meta-llama--Llama-4-Maverick-17B-128E-Instruct")
    assert moe_layers(model) == list(range(1, 48, 2))
    assert [index for index, name in enumerate(attention_names(model)) if not name] == list(range(3, 48, 4))
    assert model.attentions["sliding"].window == 8192
    assert moe_layers(imported("meta-llama--Llama-4-Scout-17B-16E-Instruct")) == list(range(48))


def test_every_other_layer_of_gpt_oss_has_a_window() -> None:
    model = imported("openai--gpt-oss-120b")
    assert attention_names(model) == ["sliding", ""] * 18
    assert (model.attentions["sliding"].window, model.attention.window) == (128, 0)
    assert model.dtypes.experts == "fp4"
    assert len(model.blocks) == 1


def test_a_layout_without_a_list_of_layers_follows_the_rule_of_its_family() -> None:
    listed, ruled = imported("openai--gpt-oss-20b"), imported("openai--gpt-oss-20b", layer_types=None)
    assert ruled.blocks == listed.blocks
    assert moe_layers(imported("Qwen--Qwen3-30B-A3B", mlp_only_layers=[0, 5])) == [1, 2, 3, 4, *range(6, 48)]
    assert moe_layers(imported("Qwen--Qwen3-30B-A3B", decoder_sparse_step=2)) == list(range(1, 48, 2))


def test_one_layer_of_eight_attends_in_jamba_and_every_second_has_experts() -> None:
    model = imported("ai21labs--Jamba-v0.1")
    assert [index for index, name in enumerate(attention_names(model)) if not name] == [4, 12, 20, 28]
    assert moe_layers(model) == list(range(1, 32, 2))
    assert "Mamba" in model.attentions["linear"].unmodelled


def test_three_linear_layers_precede_each_attending_one_in_qwen3_next() -> None:
    model = imported("Qwen--Qwen3-Next-80B-A3B-Instruct")
    assert attention_names(model) == ["linear", "linear", "linear", ""] * 12
    assert model.attention.side_width == 16 * 256
    assert model.ffn["moe"].extra_parameters == 2048


def test_attending_layers_are_counted_from_one_in_kimi_linear() -> None:
    model = imported("moonshotai--Kimi-Linear-48B-A3B-Instruct")
    assert [index for index, name in enumerate(attention_names(model)) if not name] == [3, 7, 11, 15, 19, 23, 26]
    assert moe_layers(model) == list(range(1, 27))


def test_compressed_attention_has_a_kind_per_rate() -> None:
    model = imported("deepseek-ai--DeepSeek-V4-Flash")
    assert attention_names(model)[:5] == ["", "", "csa", "hca", "csa"]
    assert all(layer.attention.kind == "linear" and layer.attention.unmodelled for layer in model.layers)
    assert (model.dtypes.weights, model.dtypes.experts) == ("fp8", "fp4")


def test_only_some_layers_of_glm_5_2_have_an_indexer() -> None:
    model = imported("zai-org--GLM-5.2")
    assert attention_names(model)[:8] == ["", "", "", "shared", "shared", "shared", "", "shared"]
    assert model.attention.side_width > 0 == model.attentions["shared"].side_width


def test_mixers_and_feed_forwards_of_nemotron_are_paired_into_layers() -> None:
    model = imported("nvidia--NVIDIA-Nemotron-3-Nano-30B-A3B-BF16")
    assert model.layer_count == 23
    attending = [layer.attention for layer in model.layers if layer.attention.kind != "linear"]
    assert len(attending) == 6
    assert attending[0].side_width == model.attention.in_width + model.attention.out_width
    assert any("paired into 23 layers" in warning for warning in model.warnings)
    assert model.ffn["moe"].kind == "gelu"


def test_a_list_of_words_reads_like_a_pattern_of_letters() -> None:
    words = ["mamba", "moe", "mamba", "attention", "moe"]
    name = "nvidia--NVIDIA-Nemotron-3-Nano-30B-A3B-BF16"
    lettered = imported(name, hybrid_override_pattern="MEM*E")
    assert imported(name, layers_block_type=words).blocks == lettered.blocks


def test_experts_on_a_latent_keep_their_weights_and_say_so() -> None:
    model = imported("nvidia--NVIDIA-Nemotron-3-Super-120B-A12B-FP8")
    assert parameters(model).routed == 40 * 512 * 2 * 1024 * 2688
    assert any("latent of 1024" in warning for warning in model.warnings)


def test_keys_and_values_of_different_width_keep_weights_and_cache() -> None:
    model = imported("XiaomiMiMo--MiMo-V2-Flash")
    assert (model.attention.head_dim, model.attention.kv_heads) == (160, 4)
    assert (model.attentions["sliding"].kv_heads, model.attentions["sliding"].window) == (8, 128)
    assert moe_layers(model) == list(range(1, 48))


def test_identity_experts_widen_the_router_and_take_their_share_of_tokens() -> None:
    moe = imported("meituan-longcat--LongCat-Flash-Chat").ffn["moe"]
    assert (moe.experts, moe.router_width, moe.top_k) == (512, 768, 8)


def test_an_omitted_key_means_the_default_of_its_class() -> None:
    model = model_from_config({"model_type": "mixtral"})
    assert parameters(model) == count("mistralai--Mixtral-8x7B-v0.1")
    assert model_from_config({"model_type": "deepseek_v3"}).ffn == imported("deepseek-ai--DeepSeek-V3").ffn
    assert model_from_config({"model_type": "qwen3_moe", "intermediate_size": 6144}).ffn["moe"].hidden == 768
    assert model_from_config({"model_type": "olmoe"}).ffn["moe"].hidden == 2048


def test_null_means_none_and_not_the_default() -> None:
    assert imported("deepseek-ai--DeepSeek-V2-Lite").attention.q_lora == 0
    assert model_from_config({"model_type": "deepseek_v2"}).attention.q_lora == 1536
    assert imported("mistralai--Mistral-7B-v0.1").attentions == {}
    assert imported("mistralai--Mistral-7B-v0.1").attention.window == 4096
    assert imported("mistralai--Mistral-7B-v0.1", sliding_window=None).attention.window == 0
    assert imported("mistralai--Mixtral-8x7B-v0.1", head_dim=None).attention.head_dim == 128


def test_both_names_of_a_figure_are_read() -> None:
    one = model_from_config({"model_type": "mixtral", "num_local_experts": 4})
    other = model_from_config({"model_type": "mixtral", "num_experts": 4})
    assert one == other
    assert one.ffn["moe"].experts == 4


def test_the_language_model_is_found_inside_a_multimodal_one() -> None:
    model = imported("Qwen--Qwen3-VL-30B-A3B-Instruct")
    assert parameters(model) == count("Qwen--Qwen3-30B-A3B")
    assert any("vision" in warning for warning in model.warnings)
    assert parameters(imported("moonshotai--Kimi-K2.5")) == count("moonshotai--Kimi-K2-Instruct")


def test_a_figure_that_differs_between_layers_is_the_largest_with_a_warning() -> None:
    model = imported("tencent--Hunyuan-A13B-Instruct", moe_topk=[8] * 31 + [4])
    assert model.ffn["moe"].top_k == 8
    assert any("moe_topk differs" in warning for warning in model.warnings)
    assert not any("differs" in warning for warning in imported("tencent--Hunyuan-A13B-Instruct").warnings)


@pytest.mark.parametrize(
    ("quantization", "weights", "experts"),
    [
        ({"quant_method": "fp8"}, "fp8", "fp8"),
        ({"quant_method": "mxfp4"}, "", "fp4"),
        ({"quant_method": "modelopt", "quant_algo": "NVFP4"}, "", "fp4"),
        ({"config_groups": {"group_0": {"weights": {"num_bits": 8, "type": "int"}}}}, "int8", "int8"),
        ({"config_groups": {"group_0": {"weights": {"num_bits": 8, "type": "float"}}}}, "fp8", "fp8"),
        ({"quant_method": "something else"}, "", ""),
        (None, "", ""),
    ],
)
def test_quantised_weights_have_their_data_type(quantization: object, weights: str, experts: str) -> None:
    dtypes = imported("mistralai--Mixtral-8x7B-v0.1", quantization_config=quantization).dtypes
    assert (dtypes.weights, dtypes.experts) == (weights, experts)


def test_the_data_type_is_read_under_both_names() -> None:
    assert model_from_config({"model_type": "llama", "torch_dtype": "float16"}).dtype == "fp16"
    assert model_from_config({"model_type": "llama", "dtype": "float32"}).dtype == "fp32"


def test_an_unknown_family_is_read_by_its_keys_with_a_warning_for_each_guess() -> None:
    for known in ("Qwen--Qwen3-235B-A22B", "mistralai--Mixtral-8x22B-v0.1"):
        model = imported(known, model_type="brand_new")
        assert model.layer_count == imported(known).layer_count
        assert parameters(model).total == pytest.approx(count(known).total, rel=1e-5)
        assert "brand_new" in model.warnings[0]
    latent = imported("deepseek-ai--DeepSeek-V3", model_type="brand_new")
    assert latent.attention == imported("deepseek-ai--DeepSeek-V3").attention
    assert moe_layers(latent) == list(range(3, 61))


def test_an_unknown_family_without_experts_is_dense_and_says_so() -> None:
    raw = {"hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 128}
    model = model_from_config(raw)
    assert not moe_layers(model)
    assert any("no model_type" in warning for warning in model.warnings)
    assert any("dense" in warning for warning in model.warnings)
    assert any("vocabulary" in warning for warning in model.warnings)
    assert parameters(model).total == 2 * (4 * 64 * 64 + 3 * 64 * 128 + 2 * 64)


def test_gemma_is_read_as_an_unknown_family() -> None:
    model = imported("google--gemma-4-26B-A4B")
    assert attention_names(model) == ["sliding"] * 5 + [""] + (["sliding"] * 5 + [""]) * 4
    assert "gemma4" in model.warnings[1]


def test_a_word_for_a_layer_that_is_not_known_is_taken_for_full_attention() -> None:
    model = imported("Qwen--Qwen3-8B", layer_types=["full_attention"] * 35 + ["telepathy"])
    assert attention_names(model) == [""] * 36
    assert any("telepathy" in warning for warning in model.warnings)


def test_every_fault_is_reported_at_once_by_its_key() -> None:
    found = faults(
        {
            "model_type": "mixtral",
            "hidden_size": "wide",
            "num_hidden_layers": 10**9,
            "num_attention_heads": True,
            "intermediate_size": 0,
            "tie_word_embeddings": "yes",
            "vocab_size": 1.5,
        }
    )
    assert found["hidden_size"] == "must be a whole number from 1 to 16777216, not 'wide'."
    assert found["num_hidden_layers"] == "must be a whole number from 1 to 4096, not 1000000000."
    assert found["num_attention_heads"].endswith("not true.")
    assert found["tie_word_embeddings"] == "must be true or false, not 'yes'."
    assert found["intermediate_size"].endswith("not 0.")
    assert found["vocab_size"].endswith("not 1.5.")
    assert len(found) == 6


def test_a_required_key_that_is_missing_is_named() -> None:
    assert set(faults({"model_type": "brand_new"})) == {
        "hidden_size",
        "num_hidden_layers",
        "num_attention_heads",
        "intermediate_size",
    }


@pytest.mark.parametrize(
    ("name", "changes", "key"),
    [
        ("mistralai--Mixtral-8x7B-v0.1", {"num_experts_per_tok": 9}, "num_experts_per_tok"),
        ("mistralai--Mixtral-8x7B-v0.1", {"num_key_value_heads": 64}, "num_key_value_heads"),
        ("mistralai--Mixtral-8x7B-v0.1", {"num_local_experts": 5000}, "num_local_experts"),
        ("Qwen--Qwen3-8B", {"layer_types": ["full_attention"] * 3}, "layer_types"),
        ("Qwen--Qwen3-30B-A3B", {"mlp_only_layers": ["first"]}, "mlp_only_layers"),
        ("MiniMaxAI--MiniMax-Text-01", {"attn_type_list": [2] * 80}, "attn_type_list"),
        ("stepfun-ai--Step-3.5-Flash", {"moe_layers_enum": "3,x"}, "moe_layers_enum"),
        ("nvidia--NVIDIA-Nemotron-3-Nano-30B-A3B-BF16", {"hybrid_override_pattern": "MEE"}, "hybrid_override_pattern"),
        ("nvidia--NVIDIA-Nemotron-3-Nano-30B-A3B-BF16", {"hybrid_override_pattern": "MX"}, "hybrid_override_pattern"),
        ("deepseek-ai--DeepSeek-V3", {"kv_lora_rank": 0}, "kv_lora_rank"),
    ],
)
def test_a_contradiction_is_refused_by_its_key(name: str, changes: dict[str, object], key: str) -> None:
    assert key in faults({**config(name), **changes})


def test_what_is_no_object_is_refused() -> None:
    hostile: tuple[object, ...] = ([], "text", None, 3)
    for raw in hostile:
        with pytest.raises(FileError, match="JSON object"):
            model_from_config(raw)  # type: ignore[arg-type]


HOSTILE = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-2, 70),
    st.sampled_from([10**9, 10**30, 10**5000, 1 << 24, 4096, 4097, 65536]),
    st.floats(),
    st.text(max_size=5),
    st.sampled_from(["llama", "nemotron_h", "deepseek_v4", "longcat_flash", "auto", "1,2", "M*E-", "ME", "EE"]),
    st.lists(st.integers(-1, 5), max_size=70),
    st.just(["full_attention"] * 100),
    st.just(["linear_attention", "mamba"] * 50),
    st.just([[]] * 100),
    st.dictionaries(st.text(max_size=3), st.integers(), max_size=2),
)
KEYS = sorted(
    {key for name in NAMES for key in config(name)} | {"zero_expert_num", "moe_latent_size", "mlp_layer_types"}
)


@given(st.sampled_from(NAMES), st.dictionaries(st.sampled_from(KEYS), HOSTILE, min_size=1, max_size=6), st.data())
def test_any_mutation_gives_a_model_or_faults_and_nothing_else(
    name: str, changes: dict[str, object], data: st.DataObject
) -> None:
    raw = config(name)
    for key in data.draw(st.lists(st.sampled_from(sorted(raw)), max_size=3)):
        raw.pop(key, None)
    part = raw.get("text_config")
    if isinstance(part, dict):
        part.update(changes)
    else:
        raw.update(changes)
    try:
        model = model_from_config(raw)
    except FileError as error:
        assert error.faults
        assert all(fault.message.endswith(".") for fault in error.faults)
    else:
        found = parameters(model)
        assert 0 < found.active <= found.total
