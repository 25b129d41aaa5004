"""The command line and sweeps: Hydra's side of the programs."""
