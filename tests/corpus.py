"""A dozen datasets whose every word is known, for tests to look for.

Two base URIs. The words are chosen so that each search has one right answer, also
through word forms, accents, tags, annotations and paths of items. A URI is searched
too: `snow` and `white` find all of one base URI, so nothing else says them.
"""

import hashlib
import uuid

SNOW_WHITE = "s3://snow-white"
MR_MEN = "s3://mr-men"
#: Registered, empty, and nobody has a permission on it.
CINDERELLA = "s3://cinderella"

_NAMESPACE = uuid.UUID("7b4a3b5e-6f0f-4c27-9d53-2b0ce3a1f0aa")


def uuid_of(name):
    """Return the UUID of the dataset with a name, the same in every run."""
    return str(uuid.uuid5(_NAMESPACE, name))


def uri_of(name, base_uri=SNOW_WHITE):
    """Return the URI of the dataset with a name in a base URI."""
    return f"{base_uri}/{uuid_of(name)}"


def manifest_of(*relpaths):
    """Return a manifest in dtoolcore's form; the n-th item has n * 10 bytes."""
    return {
        "dtoolcore_version": "3.18.0",
        "hash_function": "md5sum_hexdigest",
        "items": {
            hashlib.sha1(relpath.encode()).hexdigest(): {
                "hash": hashlib.md5(relpath.encode()).hexdigest(),
                "relpath": relpath,
                "size_in_bytes": 10 * number,
                "utc_timestamp": 1536749825.5 + number,
            }
            for number, relpath in enumerate(relpaths, 1)
        },
    }


def dataset_info(name="new-dataset", base_uri=SNOW_WHITE, items=(), **fields):
    """Return everything that may be sent to register a dataset.

    :param items: relative paths of the dataset's items
    :param fields: keys to replace, or to leave out where the value is `...`
    """
    info = {
        "uuid": uuid_of(name),
        "base_uri": base_uri,
        "uri": uri_of(name, base_uri),
        "name": name,
        "type": "dataset",
        "creator_username": "queen",
        "created_at": 1500000000.25,
        "frozen_at": 1500000100.125,
        "readme": "---\ndescription: Nothing in particular\n",
        "manifest": manifest_of(*items),
        "annotations": {},
        "tags": [],
        "dtoolcore_version": "3.18.0",
        "number_of_items": len(items),
        "size_in_bytes": 5 * len(items) * (len(items) + 1),
    } | fields
    return {key: value for key, value in info.items() if value is not ...}


DATASETS = [
    dataset_info(
        "apple-harvest",
        creator_username="queen",
        readme="---\ndescription: Poisoned apples from the orchard\nproject: Fairest\n",
        annotations={"colour": "crimson", "weight_g": 182},
        tags=["fruit", "poison"],
        items=["orchard/red_01.tif", "orchard/red_02.tif"],
        created_at=1500000000.123456,
        frozen_at=1500000001.654321,
    ),
    dataset_info(
        "carrot-stew",
        creator_username="grumpy",
        readme="---\ndescription: Carrots and potatoes, cooked for seven dwarves\n",
        tags=["veg"],
        items=["stew/recipe.txt"],
        created_at=1500000002.0,
        frozen_at=1500000003.0,
    ),
    dataset_info(
        "market-basket",
        creator_username="grumpy",
        readme="---\ndescription: One apple and many carrots, sold on the market\n",
        annotations={"stall": {"owner": "Rumpelstiltskin", "number": 7}},
        tags=["fruit", "veg"],
        items=["basket/list.csv", "basket/prices.csv", "basket/photo.png"],
        created_at=1500000004.0,
        frozen_at=1500000005.0,
    ),
    dataset_info(
        "mine-survey",
        creator_username="doc",
        readme="---\ndescription: Surveying the diamond mine, running at night\n",
        annotations={"instrument": "theodolite"},
        tags=["geology"],
        items=["tunnels/north.csv", "tunnels/south.csv"],
        created_at=1500000006.0,
        frozen_at=1500000007.0,
    ),
    dataset_info(
        "Café crème",
        creator_username="bashful",
        readme="---\ndescription: Crème brûlée à la carte, très élégant\n",
        annotations={"Größe": "übergroß"},
        tags=["dessert", "à point"],
        items=["menu/été 2017.txt"],
        created_at=1500000008.0,
        frozen_at=1500000009.0,
    ),
    dataset_info(
        "hypocotyl3",
        creator_username="happy",
        readme="---\ndescription: Confocal microscopy of a hypocotyl\nfilm: 3D\n",
        tags=["microscopy-2017"],
        items=["stacks/z_001.tif", "stacks/z_002.tif"],
        created_at=1500000010.0,
        frozen_at=1500000011.0,
    ),
    dataset_info(
        "empty-box",
        creator_username="dopey",
        readme="",
        items=[],
        created_at=1500000012.0,
        frozen_at=1500000013.0,
    ),
    dataset_info(
        "apple-harvest",
        MR_MEN,
        creator_username="queen",
        readme="---\ndescription: Poisoned apples from the orchard\nproject: Fairest\n",
        annotations={"colour": "crimson", "weight_g": 182},
        tags=["fruit", "poison"],
        items=["orchard/red_01.tif", "orchard/red_02.tif"],
        created_at=1500000000.123456,
        frozen_at=1500000001.654321,
    ),
    dataset_info(
        "Escherichia-coli-ref-genome",
        MR_MEN,
        creator_username="mr.strong",
        readme=(
            "---\n"
            "accession_id: U00096.3\n"
            "description: U00096.3 genome with Bowtie2 indices\n"
            "organism: Escherichia coli str. K-12 substr. MG1655\n"
        ),
        tags=["genome"],
        items=["reference.rev.1.bt2", "U00096.3.fasta"],
        created_at=1500000014.0,
        frozen_at=1500000015.0,
    ),
    dataset_info(
        "long-arms",
        MR_MEN,
        creator_username="mr.tickle",
        readme="---\ndescription: How far arms reach, and who laughed\n",
        annotations={"length_m": 4.5, "ticklish": True, "nobody": None},
        tags=["body"],
        items=["arms/left.txt", "arms/right.txt"],
        created_at=1500000016.0,
        frozen_at=1500000017.0,
    ),
    dataset_info(
        "tea-party",
        MR_MEN,
        creator_username="mr.strong",
        readme="---\ndescription: Diamond cut cakes, and tea for everyone\n",
        tags=["dessert"],
        items=["guests.json"],
        created_at=1500000018.0,
        frozen_at=1500000019.0,
    ),
    dataset_info(
        "weather",
        MR_MEN,
        creator_username="mr.bump",
        readme="---\ndescription: Rain, and a diamond mine of hail\n",
        tags=["geology", "dessert"],
        items=["rain.csv"],
        created_at=1500000020.0,
        frozen_at=1500000021.0,
    ),
]

#: What sleepy may search, and what grumpy may.
IN_SNOW_WHITE = [info for info in DATASETS if info["base_uri"] == SNOW_WHITE]
IN_MR_MEN = [info for info in DATASETS if info["base_uri"] == MR_MEN]
EVERYTHING = IN_SNOW_WHITE + IN_MR_MEN
