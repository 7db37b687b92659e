"""Fine-tuning: data, recipes, runs. Only `worker` imports torch."""
