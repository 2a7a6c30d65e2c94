from setuptools import setup

setup(
    name="example-file-contents",
    version="1.0",
    py_modules=["file_contents"],
    install_requires=["dtool-lookup-server"],
    entry_points={
        "dtool_lookup_server.retrieve": ["files = file_contents:FileContents"],
    },
)
