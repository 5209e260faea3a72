"""The report of a build: what there is to say as one document, a page that says it, and an overview of a folder of them."""
