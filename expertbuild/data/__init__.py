"""What an expert learns from: sources, transforms, measures, and the generators behind them."""
