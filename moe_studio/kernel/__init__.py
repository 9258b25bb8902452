"""Run times of GPU kernels: one module for each family, few numbers with a physical meaning."""
