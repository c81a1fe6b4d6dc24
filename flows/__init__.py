"""The top floor: the chain of stages, the command, the Prefect flow, and the only reader of the truth."""
