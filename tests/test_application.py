"""The kind of application that the factory makes."""

import pytest
from werkzeug.routing import IntegerConverter, Map, Rule


@pytest.mark.parametrize("append_unknown", [True, False])
def test_urls_are_built_as_they_are_of_plain_rules(app, append_unknown):
    rules = list(app.url_map.iter_rules())
    plain = Map(
        [Rule(rule.rule, **rule.get_empty_kwargs()) for rule in rules],
        converters=app.url_map.converters,
    )
    for rule in rules:
        values = {"more": "a b&c", "self": "/", "rule": "ä"}
        for name, converter in rule._converters.items():
            is_number = isinstance(converter, IntegerConverter)
            values[name] = 7 if is_number else "s3://pail/a b?ü"
        ours, theirs = (
            each.bind("localhost").build(
                rule.endpoint, values, append_unknown=append_unknown
            )
            for each in (app.url_map, plain)
        )
        assert ours == theirs
        assert ("more=a+b%26c" in ours) == append_unknown
