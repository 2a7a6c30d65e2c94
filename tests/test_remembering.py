"""What is made of words that come again and again is made once."""

from dtool_lookup_server.plugins.remembering import Remembered


def remembering(most, longest=10):
    """Return a Remembered that makes upper case, and the list of what it makes."""
    made = []

    def make(text):
        made.append(text)
        return text.upper()

    return Remembered(make, most, longest), made


def test_what_is_asked_for_again_is_not_made_again():
    remembered, made = remembering(most=10)
    assert [remembered["one"] for _time in range(3)] == ["ONE"] * 3
    assert made == ["one"]


def test_what_is_too_long_is_made_each_time():
    remembered, made = remembering(most=10, longest=3)
    assert [remembered["long"] for _time in range(3)] == ["LONG"] * 3
    assert made == ["long"] * 3


def test_a_frequent_word_is_made_once_among_many_that_come_once():
    remembered, made = remembering(most=10)
    for number in range(100):
        assert remembered["often"] == "OFTEN"
        assert remembered[str(number)] == str(number)
    assert made.count("often") == 1


def test_no_more_is_remembered_than_twice_as_many():
    remembered, made = remembering(most=10)
    for number in range(100):
        remembered[str(number)]
    made.clear()
    for number in reversed(range(100)):
        remembered[str(number)]
    assert len(made) >= 80
