
ENTRY(moments) ENTRY(pool_moments) ENTRY(pool) ENTRY(unpool)
ENTRY(apply_gelu) ENTRY(slopes_gelu) ENTRY(gradient_gelu) ENTRY(pool_gradient_gelu)
ENTRY(apply_silu) ENTRY(slopes_silu) ENTRY(gradient_silu) ENTRY(pool_gradient_silu)
ENTRY(apply_same) ENTRY(slopes_same) ENTRY(gradient_same) ENTRY(pool_gradient_same)
ENTRY(whiten_gelu) ENTRY(whiten_slopes_gelu) ENTRY(whiten_silu) ENTRY(whiten_slopes_silu) ENTRY(whiten_same) ENTRY(whiten_slopes_same)
ENTRY(freeze) ENTRY(pool_apply_gelu) ENTRY(pool_apply_silu) ENTRY(pool_apply_same)
