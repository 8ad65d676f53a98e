"""The paper's argument for Inception (section 3), link by link, as experiments: `python -m minigoog.sparsity`."""
