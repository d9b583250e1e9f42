"""Settings as the text that a configuration file would hold."""

import yaml


def as_yaml(settings: dict) -> str:
    """Return settings as YAML, in the order of the configuration's fields; short lists stay on one line."""
    return yaml.dump(settings, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100)


class _Dumper(yaml.SafeDumper):
    """Writes lists of plain values as `[a, b]`."""

    def represent_list(self, values):
        flat = not any(isinstance(value, list | dict) for value in values)
        return self.represent_sequence("tag:yaml.org,2002:seq", values, flow_style=flat)


_Dumper.add_representer(list, _Dumper.represent_list)
