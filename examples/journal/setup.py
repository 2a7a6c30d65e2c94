from setuptools import setup

setup(
    name="example-journal",
    version="1.0",
    py_modules=["journal"],
    install_requires=["dtool-lookup-server"],
    entry_points={"dtool_lookup_server.extension": ["journal = journal:Journal"]},
)
