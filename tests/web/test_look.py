"""Looking at a dataset: what it is, where it is, what is in it."""

import csv
import json
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from dtoolcore import DataSet
from playwright.sync_api import expect

from tests.corpus import MR_MEN, SNOW_WHITE, dataset_info, manifest_of, uri_of
from tests.web.conftest import LONGEST_WAIT, let_the_token_end

HOSTILE = "<img src=x onerror=\"document.title='run'\">"


def place_of(name, base_uri=SNOW_WHITE):
    return "?" + urlencode({"dataset": uri_of(name, base_uri)})


@pytest.fixture
def register(site_app, headers):
    """Register a dataset: register("name", readme="...")."""

    def send(name, **fields):
        response = site_app.test_client().post(
            "/dataset/register",
            json=dataset_info(name, **fields),
            headers=headers("librarian"),
        )
        assert response.status_code == 201, response.text

    return send


@pytest.fixture
def look(visit, register):
    """Register a dataset and open its page."""

    def open_page(name, **fields):
        register(name, **fields)
        return visit("grumpy", place_of(name))

    return open_page


def section(page, name):
    return page.get_by_role("region", name=name, exact=True)


def test_it_says_what_the_dataset_is(visit):
    page = visit("grumpy", place_of("apple-harvest"))

    expect(page.get_by_role("heading", level=1)).to_have_text("apple-harvest")
    expect(page.locator(".lead")).to_contain_text("By queen, frozen on 2017-07-14")
    where = section(page, "Where it is")
    expect(where).to_contain_text(uri_of("apple-harvest"))
    expect(where).to_contain_text("2017-07-14, 02:40:01")


def test_it_leads_to_the_other_places_of_the_dataset(visit):
    page = visit("grumpy", place_of("apple-harvest"))
    section(page, "Also stored at").get_by_role("link", name=MR_MEN).click()

    expect(section(page, "Where it is")).to_contain_text(
        uri_of("apple-harvest", MR_MEN)
    )


def test_places_that_one_may_not_see_are_not_there(visit):
    page = visit("sleepy", place_of("apple-harvest"))

    expect(section(page, "Where it is")).to_be_visible()
    expect(section(page, "Also stored at")).to_have_count(0)


def test_the_uri_and_commands_are_copied(context, visit):
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = visit("grumpy", place_of("apple-harvest"))
    page.get_by_role("button", name="Copy the URI").click()
    expect(page.get_by_text("Copied: the URI").first).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == uri_of("apple-harvest")

    page.get_by_role("button", name="Copy the command: Copy it to this folder").click()
    expect(page.locator("#toast")).to_contain_text("Copied: the command")
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied == f"dtool cp {uri_of('apple-harvest')} ."


def test_a_readme_is_shown_as_its_structure_or_as_text(look):
    page = look(
        "nested",
        readme="---\nproject:\n  people:\n    - name: Ann\n      role: PI\n"
        "link: see https://example.org/x?a=1.\n",
    )
    readme = section(page, "README")
    expect(readme.locator("dt")).to_have_text(
        ["project", "people", "name", "role", "link"]
    )
    link = readme.get_by_role("link")
    expect(link).to_have_attribute("href", "https://example.org/x?a=1")
    expect(link).to_have_attribute("rel", "noopener noreferrer nofollow")

    readme.get_by_role("button", name="Text").click()
    expect(readme.locator("pre")).to_contain_text("    - name: Ann\n")


@pytest.mark.parametrize(
    "text", ["Just prose.\nIn lines.", "a: &x 1\nb: *x", "- [link](javascript:void)"]
)
def test_a_readme_that_is_no_plain_yaml_is_text(look, text):
    page = look("prose", readme=text)

    expect(section(page, "README").locator("pre")).to_have_text(text)
    expect(section(page, "README").get_by_role("link")).to_have_count(0)


def edit_readme(page):
    readme = section(page, "README")
    readme.get_by_role("button", name="Edit the README").click()
    return readme, readme.get_by_label("README", exact=True)


def test_a_readme_is_edited_in_place_and_in_the_storage(visit):
    page = visit("demo", "?q=orchard+survey")
    page.get_by_role("link", name="apple-orchard-survey").click()
    readme, field = edit_readme(page)
    field.fill("description: 40 trees 🌳\nseen: https://example.org/x\n")
    field.press("Control+Enter")
    expect(readme.locator("dt")).to_have_text(["description", "seen"])
    expect(readme.get_by_role("button", name="Edit the README")).to_be_focused()

    uri = parse_qs(urlsplit(page.url).query)["dataset"][0]
    assert DataSet.from_uri(uri).get_readme_content().startswith("description: 40 tree")


def test_a_readme_that_is_refused_is_not_lost(visit):
    page = visit("demo", "?q=temperature")
    page.get_by_role("link", name="sea-temperature-2024").click()
    readme, field = edit_readme(page)
    field.fill("a: b: c")
    readme.get_by_role("button", name="Save").click()
    expect(readme.get_by_role("alert")).to_contain_text("Not YAML")
    expect(field).to_have_value("a: b: c")

    readme.get_by_role("button", name="Cancel").click()
    page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
    expect(field).to_be_focused()
    readme.get_by_role("button", name="Cancel").click()
    page.get_by_role("dialog").get_by_role("button", name="Leave it").click()
    expect(readme.locator("dt").first).to_have_text("description")


def test_a_readme_that_somebody_else_changed_is_not_replaced(
    visit, register, headers, site_app
):
    register("shared", readme="a: 1\n")
    page = visit("grumpy", place_of("shared"))
    readme, field = edit_readme(page)
    register("shared", readme="a: 2\n")
    field.fill("a: 3\n")
    readme.get_by_role("button", name="Save").click()

    expect(readme.get_by_role("alert")).to_contain_text("Somebody has changed")
    url = f"/readmes/{uri_of('shared')}"
    held = site_app.test_client().get(url, headers=headers("grumpy"))
    assert held.json == {"readme": "a: 2\n"}


def test_a_storage_that_cannot_be_written_is_told(visit):
    page = visit("grumpy", place_of("carrot-stew"))
    readme, field = edit_readme(page)
    field.fill("description: stew\n")
    readme.get_by_role("button", name="Save").click()

    fault = readme.get_by_role("alert")
    expect(fault).to_contain_text(f"The storage of '{uri_of('carrot-stew')}' cannot")
    expect(fault).to_contain_text("tell the people who run the server")


def test_nothing_is_edited_where_the_server_takes_no_edits(visit, site_app):
    site_app.config["EDITS"] = "off"
    try:
        page = visit("grumpy", place_of("market-basket"))
        expect(section(page, "README")).to_contain_text("One apple and many carrots")
        expect(page.get_by_role("button", name="Edit")).to_have_count(0)
        expect(page.get_by_label("New tag")).to_have_count(0)
    finally:
        site_app.config["EDITS"] = "storage"


def test_annotations_are_shown_with_their_structure(visit):
    page = visit("grumpy", place_of("market-basket"))

    annotations = section(page, "Annotations")
    expect(annotations.locator("dt")).to_have_text(["stall", "owner", "number"])
    expect(annotations).to_contain_text("Rumpelstiltskin")


def test_annotations_are_edited_in_place_and_in_the_storage(visit):
    page = visit("demo", "?q=temperature")
    page.get_by_role("link", name="sea-temperature-2024").click()
    annotations = section(page, "Annotations")
    annotations.get_by_role("button", name="Add an annotation").click()
    annotations.get_by_label("Name").fill("depths_m")
    annotations.get_by_label("Value").fill("[1, 2.5]")
    annotations.get_by_role("button", name="Save").click()
    expect(annotations.get_by_text("depths_m")).to_be_visible()

    annotations.get_by_role("button", name="Edit annotation latitude").click()
    expect(annotations.get_by_label("Value")).to_have_value("54.18")
    annotations.get_by_label("Value").fill("north of Büsum")
    annotations.get_by_role("button", name="Save").click()
    annotations.get_by_role("button", name="Remove annotation longitude").click()
    page.get_by_role("dialog").get_by_role("button", name="Remove").click()
    expect(annotations.get_by_text("longitude")).to_have_count(0)

    uri = parse_qs(urlsplit(page.url).query)["dataset"][0]
    stored = DataSet.from_uri(uri)
    assert {n: stored.get_annotation(n) for n in stored.list_annotation_names()} == {
        "depths_m": [1, 2.5],
        "latitude": "north of Büsum",
    }
    page.reload()
    expect(annotations.locator("dt")).to_have_text(["depths_m", "latitude"])


def test_an_annotation_that_cannot_be_kept_is_told(visit):
    page = visit("demo", "?q=genome")
    page.get_by_role("link", name="Escherichia-coli-ref-genome").click()
    annotations = section(page, "Annotations")
    for name, fault in [("a b", "cannot keep 'a b'"), ("organism", "already")]:
        annotations.get_by_role("button", name="Add an annotation").click()
        annotations.get_by_label("Name").fill(name)
        annotations.get_by_label("Value").fill("x")
        annotations.get_by_role("button", name="Save").click()
        expect(annotations.get_by_role("alert")).to_contain_text(fault)
        annotations.get_by_role("button", name="Cancel").click()

    expect(annotations.locator("dt")).to_have_text(["organism"])


def test_markup_in_a_dataset_is_text(look):
    page = look(
        f"{HOSTILE} مجموعة 🌱",
        readme=f"{HOSTILE}: {HOSTILE}\nlink: javascript:alert(1)\n",
        annotations={HOSTILE: {HOSTILE: HOSTILE}},
        tags=[HOSTILE],
        creator_username=HOSTILE,
        items=[f"{HOSTILE}/{HOSTILE}.txt"],
    )
    expect(page.get_by_role("treegrid")).to_contain_text("onerror")
    page.get_by_role("link", name="Overview").click()
    expect(page.get_by_role("heading", name="Newest")).to_be_visible()
    page.get_by_role("link", name="Find").click()
    expect(page.locator(".hit").first).to_be_visible()

    assert page.locator("main img").count() == 0
    assert page.title() != "run"


def test_tags_lead_into_the_search(visit):
    page = visit("grumpy", place_of("apple-harvest"))
    section(page, "Tags").get_by_role("link", name="poison").click()

    expect(page).to_have_url("/?tag=poison")


def test_tags_are_edited_in_place_and_in_the_storage(visit):
    page = visit("demo", "?q=orchard")
    page.get_by_role("link", name="apple-orchard-survey").click()
    tags = section(page, "Tags")
    tags.get_by_label("New tag").fill("year-2024")
    tags.get_by_label("New tag").press("Enter")
    expect(tags.get_by_role("link", name="year-2024")).to_be_visible()
    tags.get_by_role("button", name="Remove tag field-work").click()
    expect(tags.get_by_role("link", name="field-work")).to_have_count(0)

    page.reload()
    expect(tags.get_by_role("link")).to_have_text(["fruit", "year-2024"])


def test_a_tag_that_dtool_cannot_keep_is_explained_and_mended(visit):
    page = visit("demo", "?q=scab")
    page.get_by_role("link", name="apple-scab-images").click()
    tags = section(page, "Tags")
    tags.get_by_label("New tag").fill("été 2024")
    tags.get_by_label("New tag").press("Enter")
    fault = tags.get_by_role("alert")
    expect(fault).to_contain_text("dtool cannot keep 'été 2024'")
    expect(fault).to_contain_text("letters a to z and A to Z, digits")
    expect(tags.get_by_role("link")).to_have_text(["fruit", "images"])

    fault.get_by_role("button", name="Add ete-2024 instead").click()
    expect(tags.get_by_role("link")).to_have_text(["fruit", "images", "ete-2024"])
    expect(fault).to_have_count(0)


def test_an_edit_that_fails_says_so_and_changes_nothing(visit):
    page = visit("grumpy", place_of("mine-survey"))
    tags = section(page, "Tags")
    page.route("**/tags/**", lambda route: route.fulfill(status=503, json={}))
    tags.get_by_role("button", name="Remove tag geology").click()

    expect(tags.get_by_role("alert")).to_contain_text("cannot reach")
    expect(tags.get_by_role("link")).to_have_text(["geology"])


def test_who_may_not_register_does_not_edit(visit):
    page = visit("sleepy", place_of("mine-survey"))

    expect(section(page, "Tags").get_by_role("link")).to_have_text(["geology"])
    expect(section(page, "Tags").get_by_role("button")).to_have_count(0)
    expect(section(page, "Annotations")).to_contain_text("theodolite")
    expect(section(page, "Annotations").get_by_role("button")).to_have_count(0)


def test_items_are_a_tree_that_the_keyboard_walks(look):
    page = look("tree", items=[f"a/b/{n}.txt" for n in range(70)] + ["z.txt"])
    tree = page.get_by_role("treegrid", name="Items")
    expect(tree.get_by_role("row")).to_have_count(2)
    tree.focus()
    page.keyboard.press("ArrowRight")
    expect(tree.get_by_role("row", name="b 70 items")).to_be_visible()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    expect(tree).to_have_attribute("aria-rowcount", "73")
    page.keyboard.press("End")

    expect(tree.get_by_role("row", name="z.txt")).to_be_visible()
    active = tree.get_attribute("aria-activedescendant")
    expect(page.locator(f"#{active}")).to_contain_text("z.txt")


def test_items_are_filtered_by_path(look):
    page = look("filtered", items=["raw/été.csv", "raw/b.csv", "out/c.csv"])
    page.get_by_label("Filter items by path").fill("ETE")

    expect(page.get_by_text("1 of 3 items").first).to_be_visible()
    expect(page.get_by_role("treegrid").get_by_role("row")).to_have_count(2)


def test_items_are_downloaded_as_csv_and_json(look):
    page = look("loaded", items=["=cmd()", 'a "b", c.txt'])
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Download CSV").click()
    assert waiting.value.suggested_filename == "loaded-items.csv"
    text = waiting.value.path().read_text(encoding="utf-8")
    rows = list(csv.reader(text.splitlines()))
    assert rows[0] == ["path", "size_in_bytes", "modified", "hash"]
    # A spreadsheet would take the first for a formula.
    assert [row[0] for row in rows[1:]] == ["'=cmd()", 'a "b", c.txt']

    with page.expect_download() as waiting:
        page.get_by_role("button", name="Download JSON").click()
    manifest = json.loads(waiting.value.path().read_text(encoding="utf-8"))
    assert manifest == manifest_of("=cmd()", 'a "b", c.txt')


def test_all_of_a_dataset_is_downloaded_as_json(visit):
    page = visit("grumpy", place_of("market-basket"))
    expect(section(page, "Annotations")).to_contain_text("Rumpelstiltskin")
    with page.expect_download() as waiting:
        page.get_by_role("button", name="All of this as JSON").click()

    dataset = json.loads(waiting.value.path().read_text(encoding="utf-8"))
    assert dataset["name"] == "market-basket"
    assert dataset["annotations"]["stall"]["number"] == 7
    assert "One apple and many carrots" in dataset["readme"]


def test_two_hundred_thousand_items_do_not_freeze_the_page(look):
    paths = [f"run_{n // 5000:02}/well_{n:06}.tif" for n in range(200_000)]
    page = look("large", items=paths)
    with page.expect_worker():
        page.get_by_role("button", name="Show them").click()
    tree = page.get_by_role("treegrid", name="Items")
    expect(tree).to_be_visible(timeout=2 * LONGEST_WAIT)
    page.get_by_role("button", name="Open all").click()
    expect(tree).to_have_attribute("aria-rowcount", "200040")
    tree.focus()
    page.keyboard.press("End")
    expect(tree.get_by_role("row", name="well_199999.tif")).to_be_visible()
    page.get_by_label("Filter items by path").fill("123456")
    expect(page.get_by_text("1 of 200,000 items").first).to_be_visible()

    page.get_by_label("Filter items by path").fill("well")
    expect(tree).to_have_attribute("aria-rowcount", "200040")
    assert tree.get_by_role("row").count() <= 60


def test_items_that_need_a_new_token_lead_to_signing_in(look, token):
    page = look("many-items", number_of_items=30_000)
    let_the_token_end(page, token)
    page.get_by_role("button", name="Show them").click()

    expect(page.locator(".note", has_text="Your token has ended")).to_be_visible()


def test_a_part_that_fails_says_so_and_is_tried_again(visit):
    page = visit("grumpy")
    page.route("**/readmes/**", lambda route: route.fulfill(status=503, json={}))
    page.get_by_role("link", name="market-basket").click()
    readme = section(page, "README")
    expect(readme).to_contain_text("cannot reach one of its stores")
    expect(section(page, "Annotations")).to_contain_text("Rumpelstiltskin")

    page.unroute_all()
    readme.get_by_role("button", name="Try again").click()
    expect(readme).to_contain_text("One apple and many carrots")


def test_what_is_not_there_or_not_allowed_says_so(visit):
    page = visit("sleepy", place_of("weather", MR_MEN))
    expect(page.get_by_role("heading", name="That did not work")).to_be_visible()
    expect(page.locator(".failure")).to_contain_text("no permission")

    page = visit("sleepy", "?dataset=s3://snow-white/nothing")
    expect(page.locator(".failure")).to_contain_text("not registered")
