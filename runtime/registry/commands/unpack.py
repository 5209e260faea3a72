"""The verb `unpack`."""

from collections.abc import Sequence
from pathlib import Path

from runtime.artifact.shown import shown
from runtime.registry.commands.words import parser, print_json, subject


def unpack(argv: Sequence[str]) -> int:
    """Write the files of a package to a new folder, each of them verified."""
    from runtime.artifact.package import open_package
    from runtime.artifact.unpack import unpack as take_apart

    words = parser("unpack", unpack.__doc__)
    words.add_argument("package", help="a .expert file, or an installed expert")
    words.add_argument("folder", type=Path, help="where the files go; must be new or empty")
    said = words.parse_args(argv)
    chosen = subject(said.package)
    with open_package(chosen if isinstance(chosen, Path) else chosen.directory, verify=False) as package:
        take_apart(package, said.folder)
        name, version, members = package.manifest.full_name, package.manifest.version, list(package.members)
        identity, cosigned = package.id, package.cosigned
    if said.json:
        return print_json(
            {"name": name, "version": version, "id": identity, "folder": str(said.folder), "members": members}
        )
    print(
        shown(
            f"Unpacked {name} {version}: {len(members)} files in {said.folder}. Who signed it is said by: expertbuild info"
        )
    )
    if cosigned:
        print(
            shown(
                f"  next model_signing verify key --no-ignore-git-paths --public_key KEY.pub --signature {said.folder}/model.sig {said.folder}"
            )
        )
    return 0
