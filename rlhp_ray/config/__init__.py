"""The configuration: its schema, its files, its errors. Under everything that takes a part of it."""

from rlhp_ray.config.load import dump, load_config, parse_config
from rlhp_ray.config.schema import Config

__all__ = ["Config", "dump", "load_config", "parse_config"]
