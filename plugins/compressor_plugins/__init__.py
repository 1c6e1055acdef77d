"""First-party strategies, data sets, models, metrics and trackers; `plugin` registers them as yours would be."""
