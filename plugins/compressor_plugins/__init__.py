"""First-party strategies, data sets, models and metrics; `plugin` registers them as anyone would register theirs."""
