"""Several processes that train one model: how they meet, exchange tensors, and notice that one of them is gone."""
