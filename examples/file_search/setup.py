from setuptools import setup

setup(
    name="example-file-search",
    version="1.0",
    py_modules=["file_search"],
    install_requires=["dtool-lookup-server"],
    entry_points={
        "dtool_lookup_server.search": ["files = file_search:FileSearch"],
    },
)
