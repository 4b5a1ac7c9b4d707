"""
Controls: what was acknowledged is really thrown away. A run in which one happens has to fail, or judges nothing.

It is of versions that were replaced, so that no client meets with it: what is to find it is the judgement.
"""

from __future__ import annotations

from typing import Final

from cloudsvc.storage.blobs.objects.keys import Keys
from tests.support.chaos.cluster import PREFIX
from tests.support.chaos.databases import DATABASE
from tests.support.chaos.scene import Scene
from tests.support.object_stores import BUCKET


def lose_objects(scene: Scene) -> None:
    """Bytes, which ``cloudsvc verify`` has to miss."""
    scene.tell("control: throw objects away")
    superseded = "SELECT blob FROM version WHERE superseded_at IS NOT NULL"
    blobs = [blob for (blob,) in scene.cluster.databases.primary.ask(superseded, DATABASE)]
    with scene.cluster.store.connect() as client:
        for blob in blobs:
            client.delete_object(Bucket=BUCKET, Key=Keys.below(PREFIX).find(blob))


def lose_versions(scene: Scene) -> None:
    """Rows, of which the history of what was acknowledged has to know."""
    scene.tell("control: throw versions away")
    scene.cluster.databases.primary.ask("DELETE FROM version WHERE superseded_at IS NOT NULL", DATABASE)


CONTROLS: Final = (lose_objects, lose_versions)
