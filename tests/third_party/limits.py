"""What of the tests its own MongoDB search plugin cannot do, and why.

All of it is about which words free text finds, and in which order: the plugin finds
them, not the server. Contents that the plugins refuse are kept beside them. The
built-in plugins pass all tests.
"""

import re

LIMITS = {
    "MongoDB's index of all text has no numbers": [
        r"test_a_word_is_found_wherever_it_stands\[182",
    ],
    "MongoDB looks for the parts of an identifier, each by itself": [
        r"test_a_word_is_found_wherever_it_stands\[U00096",
        r"test_an_identifier_is_found_whole_and_by_its_parts\[U00096.3\]",
    ],
    "MongoDB takes the stem of a word before the accents": [
        r"test_accents_and_case_do_not_matter\[(brulee|elegant)\]",
        r"test_an_excluded_word_must_not_occur\[dessert -brulee",
    ],
    "MongoDB knows of one spelling of sharp s": [
        r"test_letters_with_two_spellings_are_the_same_word\[(ubergross|\\xdc)",
    ],
    "MongoDB's text search has no prefixes": [
        r"test_a_prefix_finds_every_word_that_begins_with_it\[(?!orchard|nosuch)",
    ],
    "the plugin does not sort by relevance": [
        r"test_hits_come_in_order_of_relevance\[(carrots market|.*theodolite)",
    ],
}


def limit_of(test):
    """Return why a test cannot pass on these plugins, or None if it must.

    :param test: its name with the parameters
    """
    for reason, patterns in LIMITS.items():
        if any(re.match(pattern, test) for pattern in patterns):
            return reason
    return None
