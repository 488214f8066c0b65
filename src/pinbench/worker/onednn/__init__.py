"""What oneDNN offers below PyTorch's front end: packed linears, its verbose log, its GEMM peak."""
