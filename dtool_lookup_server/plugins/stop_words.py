"""English words that say nothing of a dataset: left out of texts and of queries.

Spelled as the analyzer folds them: lower case, no apostrophes. The two words of one
letter, "a" and "i", are not here: they count in names such as sample-A, so the
analyzer leaves them out only where they stand alone.
"""

# Not here though others have them: mine, may, might and must, which are things too.
_ARTICLES_AND_POINTERS = """
    an the this that these those such same other each every either neither both all
    any some few more most no own
"""

_PRONOUNS = """
    me my myself we us our ours ourselves you your yours yourself yourselves
    he him his himself she her hers herself it its itself
    they them their theirs themselves who whom whose which what
"""

_VERBS = """
    am is are was were be been being have has had having do does did doing done
    can cannot could shall should will would ought
    isn aren wasn weren hasn haven hadn doesn didn couldn shouldn wouldn mustn
"""

_PREPOSITIONS = """
    about above after against at before below between by down during for from in
    into of off on onto out over through to toward towards under until up upon with
    within without
"""

_CONJUNCTIONS_AND_ADVERBS = """
    and but or nor if because as while than so then also too very just only not
    again further once here there when where why how yet
"""

STOP_WORDS = frozenset(
    (
        _ARTICLES_AND_POINTERS
        + _PRONOUNS
        + _VERBS
        + _PREPOSITIONS
        + _CONJUNCTIONS_AND_ADVERBS
    ).split()
)
