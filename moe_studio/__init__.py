"""MoE Studio: design how Mixture-of-Experts models are placed on GPUs."""

__version__ = "0.1.0"
