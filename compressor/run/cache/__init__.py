"""The step cache: results of earlier runs, by the hash of everything that they depend on."""
