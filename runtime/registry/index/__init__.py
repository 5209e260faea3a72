"""An index: a folder of packages that any file server can serve, with signed lists of what is in it.

    root.json                               what a client is given beforehand: whose keys count
    metadata/timestamp.json                 which release of the index is the newest one; written last
    metadata/N.{root,snapshot,targets}.json what that release consists of, by digest
    targets/packages/PUBLISHER/NAME/DIGEST.VERSION.expert
    targets/experts/PUBLISHER/DIGEST.NAME.json     every version of one expert, enough to resolve by
    targets/DIGEST.search.json                     the newest version of every expert, to search in

The lists are those of The Update Framework. Here is how an index is written and what its documents say; how one is
read stands in `runtime.registry.sources.index`.
"""
