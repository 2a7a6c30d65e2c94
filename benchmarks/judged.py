"""Datasets as research groups have them, and what people look for among them.

Every query says which datasets it is meant to find: 3 for those that it is about, 2 for
those that are of use, 1 for those that mention it. All others are in the way.
"""

import uuid
from typing import Any, NamedTuple

BASE_URI = "s3://research-data"
_FIRST_DAY = 1_577_836_800  # 2020-01-01
_DAY = 86_400


class Judged(NamedTuple):
    """A query, and the worth of the datasets that it is meant to find, by name."""

    query: str
    worth: dict[str, int]


class _Dataset(NamedTuple):
    name: str
    creator: str
    tags: str
    readme: str
    paths: str


_LAB_BOOK = (
    " Samples were taken on Monday, labelled, and stored at minus eighty degrees."
    " Quality control followed the protocol of the facility; the raw data are kept,"
    " the processed data are made again by the scripts in the repository."
)

_DATASETS = [
    _Dataset(
        "arabidopsis-root-rnaseq-2021",
        "amara",
        "rna-seq arabidopsis root",
        "RNA sequencing of Arabidopsis thaliana roots under phosphate starvation.",
        "raw/WT-1_rep1.fastq.gz raw/WT-1_rep2.fastq.gz raw/phr1-3_rep1.fastq.gz",
    ),
    _Dataset(
        "arabidopsis-leaf-rnaseq-2020",
        "amara",
        "rna-seq arabidopsis leaf",
        "RNA sequencing of Arabidopsis thaliana leaves at dawn and at dusk.",
        "raw/Col-0_dawn.fastq.gz raw/Col-0_dusk.fastq.gz",
    ),
    _Dataset(
        "arabidopsis-confocal-root-tips",
        "lena",
        "microscopy arabidopsis root",
        "Confocal stacks of Arabidopsis root tips, PIN2 tagged with GFP." + _LAB_BOOK,
        "stacks/pin2_001.czi stacks/pin2_002.czi",
    ),
    _Dataset(
        "wheat-root-phenotyping",
        "lena",
        "wheat phenotyping root",
        "Images of wheat roots in rhizotrons, compared with Arabidopsis in the text."
        + 4 * _LAB_BOOK,
        "2021-06-01/plate_01.png 2021-06-08/plate_01.png",
    ),
    _Dataset(
        "wheat-field-trial-2022",
        "jonas",
        "wheat field-trial yield",
        "Yield and height of forty wheat lines in a field trial near the river.",
        "plots.csv weather.csv",
    ),
    _Dataset(
        "wheat-genome-assembly-v2",
        "amara",
        "wheat genome assembly",
        "Assembly of a spring wheat genome from long reads, annotated.",
        "assembly/scaffolds.fasta assembly/annotation.gff3",
    ),
    _Dataset(
        "barley-yield-drought",
        "jonas",
        "barley drought yield",
        "Barley under drought: yield, and leaf water potential. Wheat was the control.",
        "yield.csv potential.csv",
    ),
    _Dataset(
        "ecoli-K12-reference-genome",
        "tomas",
        "genome reference bacteria",
        "Escherichia coli K-12 substr. MG1655, accession U00096.3, with its indexes.",
        "U00096.3.fasta U00096.3.rev.1.bt2 U00096.3.rev.2.bt2",
    ),
    _Dataset(
        "ecoli-evolution-long-term",
        "tomas",
        "evolution bacteria",
        "Forty thousand generations of Escherichia coli; reads mapped to U00096.3.",
        "gen_10000.bam gen_20000.bam gen_40000.bam",
    ),
    _Dataset(
        "ecoli-growth-curves-plate-reader",
        "mia",
        "bacteria growth",
        "Growth curves of E. coli mutants in a plate reader, at 37 degrees.",
        "plates/2022-02-03.csv plates/2022-02-04.csv",
    ),
    _Dataset(
        "metagenome-wastewater-plant",
        "mia",
        "metagenomics wastewater",
        "Shotgun metagenome of a wastewater treatment plant, a sample each month."
        + _LAB_BOOK,
        "2021-01/reads_R1.fastq.gz 2021-02/reads_R1.fastq.gz",
    ),
    _Dataset(
        "metagenome-soil-depth-profile",
        "mia",
        "metagenomics soil",
        "Metagenome of soil at five depths. Escherichia was the spike-in.",
        "depth_05/reads.fastq.gz depth_80/reads.fastq.gz",
    ),
    _Dataset(
        "16S-gut-mouse-diet",
        "mia",
        "microbiome mouse gut",
        "Amplicons of 16S rRNA of the gut of mice on a high-fat diet.",
        "otu_table.tsv reads/mouse_01.fastq.gz",
    ),
    _Dataset(
        "mouse-open-field-behaviour",
        "sofia",
        "mouse behaviour video",
        "Videos of mice in an open field, tracked.",
        "videos/m01.mp4 tracks/m01.csv",
    ),
    _Dataset(
        "mouse-brain-lightsheet",
        "sofia",
        "mouse brain microscopy",
        "Light-sheet microscopy of cleared mouse brains, c-Fos stained.",
        "brain_01/tile_000.tif brain_01/tile_001.tif",
    ),
    _Dataset(
        "zebrafish-heart-timelapse",
        "sofia",
        "zebrafish heart microscopy",
        "Time-lapse microscopy of the beating heart of zebrafish larvae.",
        "larva_1/t0000.tif larva_1/t0001.tif",
    ),
    _Dataset(
        "zebrafish-drug-screen",
        "sofia",
        "zebrafish screen",
        "A screen of two hundred drugs on zebrafish larvae; mouse follow-up planned.",
        "plate_1.csv plate_2.csv",
    ),
    _Dataset(
        "proteome-yeast-heat-shock",
        "viktor",
        "proteomics yeast heat-shock",
        "Proteome of Saccharomyces cerevisiae after heat shock, by mass spectrometry.",
        "raw/HS_10min.raw raw/HS_30min.raw",
    ),
    _Dataset(
        "proteome-human-plasma-pilot",
        "viktor",
        "proteomics human plasma",
        "Pilot of human plasma proteomics; depletion failed in the third batch.",
        "raw/P01.raw raw/P02.raw",
    ),
    _Dataset(
        "yeast-deletion-collection-images",
        "lena",
        "yeast microscopy",
        "Bright-field images of the yeast deletion collection." + _LAB_BOOK,
        "plate_01/A01.tif plate_01/A02.tif",
    ),
    _Dataset(
        "climate-era5-europe-temperature",
        "ingrid",
        "climate reanalysis temperature",
        "ERA5 reanalysis over Europe: two-metre temperature, hourly.",
        "t2m_2019.nc t2m_2020.nc",
    ),
    _Dataset(
        "climate-model-cmip6-precipitation",
        "ingrid",
        "climate model precipitation",
        "Precipitation of six CMIP6 models, regridded.",
        "pr_MPI.nc pr_UKESM.nc",
    ),
    _Dataset(
        "glacier-mass-balance-alps",
        "ingrid",
        "glacier climate alps",
        "Mass balance of Alpine glaciers since 1960, with temperature at stations.",
        "balance.csv stations.csv",
    ),
    _Dataset(
        "sea-surface-temperature-buoys",
        "ingrid",
        "ocean temperature",
        "Temperature of the sea surface at drifting buoys in the Baltic.",
        "buoy_01.csv buoy_02.csv",
    ),
    _Dataset(
        "gold-nanoparticles-saxs",
        "pavel",
        "saxs nanoparticles gold",
        "Small-angle scattering of gold nanoparticles during growth.",
        "scan_0001.h5 scan_0002.h5",
    ),
    _Dataset(
        "gold-film-friction-afm",
        "pavel",
        "afm friction gold",
        "Friction on gold films by atomic force microscopy.",
        "scan_a.ibw scan_b.ibw",
    ),
    _Dataset(
        "water-graphene-molecular-dynamics",
        "hannes",
        "simulation molecular-dynamics water",
        "Molecular dynamics of water between sheets of graphene, with LAMMPS.",
        "run_01/log.lammps run_01/traj.nc",
    ),
    _Dataset(
        "friction-molecular-dynamics-gold",
        "hannes",
        "simulation molecular-dynamics friction",
        "Molecular dynamics of friction: an asperity of gold on a gold surface.",
        "in.friction traj.nc",
    ),
    _Dataset(
        "battery-cycling-LFP-cells",
        "pavel",
        "battery cycling",
        "Cycling of lithium iron phosphate cells at three temperatures.",
        "cell_01.csv cell_02.csv",
    ),
    _Dataset(
        "battery-impedance-spectra",
        "pavel",
        "battery impedance",
        "Impedance spectra of aged lithium cells.",
        "eis_01.csv eis_02.csv",
    ),
    _Dataset(
        "teaching-python-course-material",
        "jonas",
        "teaching",
        "Exercises: parse a fasta file, plot yield, count temperature records, find"
        " genome repeats, read a microscopy image, simulate water." + 6 * _LAB_BOOK,
        "ex1/genome.fasta ex2/wheat.csv ex3/temperature.csv ex4/friction.csv",
    ),
    _Dataset(
        "old-backup-of-group-drive",
        "jonas",
        "archive",
        "Everything that was on the drive in 2019." + 2 * _LAB_BOOK,
        "wheat/root/notes.txt mouse/brain/draft.docx battery/plots.xlsx"
        " zebrafish/poster.pdf climate/talk.pptx yeast/readme.txt gold/saxs.txt",
    ),
    _Dataset(
        "zebrafish-heart-timelapse",
        "sofia",
        "zebrafish heart microscopy",
        "Time-lapse microscopy of the beating heart of zebrafish larvae.",
        "larva_2/t0000.tif larva_2/t0001.tif",
    ),
]

QUERIES = [
    Judged(
        "arabidopsis",
        {
            "arabidopsis-root-rnaseq-2021": 3,
            "arabidopsis-leaf-rnaseq-2020": 3,
            "arabidopsis-confocal-root-tips": 3,
            "wheat-root-phenotyping": 1,
        },
    ),
    Judged(
        "arabidopsis root",
        {
            "arabidopsis-root-rnaseq-2021": 3,
            "arabidopsis-confocal-root-tips": 3,
            "arabidopsis-leaf-rnaseq-2020": 2,
            "wheat-root-phenotyping": 2,
        },
    ),
    Judged(
        "wheat",
        {
            "wheat-root-phenotyping": 3,
            "wheat-field-trial-2022": 3,
            "wheat-genome-assembly-v2": 3,
            "barley-yield-drought": 1,
        },
    ),
    Judged(
        "wheat genome", {"wheat-genome-assembly-v2": 3, "wheat-field-trial-2022": 1}
    ),
    Judged(
        "yield",
        {
            "barley-yield-drought": 3,
            "wheat-field-trial-2022": 2,
            "teaching-python-course-material": 1,
        },
    ),
    Judged("barley drought", {"barley-yield-drought": 3}),
    Judged(
        "escherichia coli",
        {
            "ecoli-K12-reference-genome": 3,
            "ecoli-evolution-long-term": 3,
            "ecoli-growth-curves-plate-reader": 2,
            "metagenome-soil-depth-profile": 1,
        },
    ),
    Judged(
        "U00096.3",
        {"ecoli-K12-reference-genome": 3, "ecoli-evolution-long-term": 2},
    ),
    Judged("K-12", {"ecoli-K12-reference-genome": 3}),
    Judged(
        "genome",
        {
            "ecoli-K12-reference-genome": 3,
            "wheat-genome-assembly-v2": 3,
            "teaching-python-course-material": 1,
        },
    ),
    Judged(
        "metagenome",
        {"metagenome-wastewater-plant": 3, "metagenome-soil-depth-profile": 3},
    ),
    Judged("soil metagenomics", {"metagenome-soil-depth-profile": 3}),
    Judged(
        "mouse",
        {
            "mouse-open-field-behaviour": 3,
            "mouse-brain-lightsheet": 3,
            "16S-gut-mouse-diet": 3,
            "zebrafish-drug-screen": 1,
        },
    ),
    Judged(
        "mouse brain",
        {
            "mouse-brain-lightsheet": 3,
            "mouse-open-field-behaviour": 1,
            "16S-gut-mouse-diet": 1,
        },
    ),
    Judged(
        "microscopy",
        {
            "mouse-brain-lightsheet": 3,
            "zebrafish-heart-timelapse": 3,
            "arabidopsis-confocal-root-tips": 3,
            "yeast-deletion-collection-images": 3,
            "gold-film-friction-afm": 1,
            "teaching-python-course-material": 1,
        },
    ),
    Judged(
        "zebrafish heart",
        {"zebrafish-heart-timelapse": 3, "zebrafish-drug-screen": 1},
    ),
    Judged(
        "yeast",
        {"proteome-yeast-heat-shock": 3, "yeast-deletion-collection-images": 3},
    ),
    Judged(
        "proteomics",
        {"proteome-yeast-heat-shock": 3, "proteome-human-plasma-pilot": 3},
    ),
    Judged("mass spectrometry heat shock", {"proteome-yeast-heat-shock": 3}),
    Judged(
        "temperature",
        {
            "climate-era5-europe-temperature": 3,
            "sea-surface-temperature-buoys": 3,
            "glacier-mass-balance-alps": 1,
            "battery-cycling-LFP-cells": 1,
            "teaching-python-course-material": 1,
        },
    ),
    Judged(
        "climate temperature",
        {
            "climate-era5-europe-temperature": 3,
            "glacier-mass-balance-alps": 2,
            "climate-model-cmip6-precipitation": 2,
            "sea-surface-temperature-buoys": 2,
        },
    ),
    Judged(
        "gold friction",
        {
            "gold-film-friction-afm": 3,
            "friction-molecular-dynamics-gold": 3,
            "gold-nanoparticles-saxs": 1,
        },
    ),
    Judged(
        '"molecular dynamics" water',
        {
            "water-graphene-molecular-dynamics": 3,
            "friction-molecular-dynamics-gold": 2,
        },
    ),
    Judged(
        "battery",
        {"battery-cycling-LFP-cells": 3, "battery-impedance-spectra": 3},
    ),
    Judged("lithium impedance", {"battery-impedance-spectra": 3}),
    Judged("saxs", {"gold-nanoparticles-saxs": 3}),
    Judged("*nanopart*", {"gold-nanoparticles-saxs": 3}),
    Judged(
        "*genom*",
        {
            "ecoli-K12-reference-genome": 3,
            "wheat-genome-assembly-v2": 3,
            "metagenome-wastewater-plant": 2,
            "metagenome-soil-depth-profile": 2,
        },
    ),
    Judged("WT-1_rep2.fastq.gz", {"arabidopsis-root-rnaseq-2021": 3}),
    Judged("2022-02-03", {"ecoli-growth-curves-plate-reader": 3}),
]


def datasets() -> list[dict[str, Any]]:
    """Return the datasets as they are registered; the later ones are the newer ones."""
    return [_info(number, dataset) for number, dataset in enumerate(_DATASETS)]


def _info(number: int, dataset: _Dataset) -> dict[str, Any]:
    identifier = str(uuid.uuid5(uuid.NAMESPACE_URL, f"{dataset.name}/{number}"))
    frozen = _FIRST_DAY + 30 * _DAY * number
    return {
        "uuid": identifier,
        "base_uri": BASE_URI,
        "uri": f"{BASE_URI}/{identifier}",
        "name": dataset.name,
        "type": "dataset",
        "creator_username": dataset.creator,
        "created_at": frozen - _DAY,
        "frozen_at": frozen,
        "readme": f"---\ndescription: {dataset.readme}\nowner: {dataset.creator}\n",
        "manifest": {
            "items": {
                str(place): {"relpath": path, "size_in_bytes": 1}
                for place, path in enumerate(dataset.paths.split())
            }
        },
        "annotations": {"facility": "core", "number": number},
        "tags": dataset.tags.split(),
    }
