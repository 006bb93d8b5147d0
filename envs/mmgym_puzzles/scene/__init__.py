"""Scenes in three dimensions, drawn on the processor by Panda3D (extra ``robot``) at thousands of pictures a second.

    chair = Mesh().box((0, 0, 0.45), (0.5, 0.5, 0.06), (200, 40, 40), "wood")           # centre, size, colour, texture
    chair.cylinder((0, 0, 0.2), 0.04, 0.4, (90, 60, 40))                                # centre, radius, height, colour
    chair.sphere((0, 0, 0.6), 0.1, (40, 90, 220)).shadow((0, 0, 0.005), (0.7, 0.7))     # soft, just above the floor
    floor = Mesh().quad([(-3, -3, 0), (3, -3, 0), (3, 3, 0), (-3, 3, 0)], (170, 130, 90), "planks", repeat=(6, 6))
    add_texture("sign", rgb)               # a picture, uint8 (2^a, 2^b, 3), then quad(..., texture="sign")
    scene = Scene(background=(200, 215, 230), field_of_view=60)
    scene.add(floor)                       # drawn in the order of adding; keep meshes and add them to many scenes
    node = scene.add(chair, position=(1, 2, 0), turn=30)        # degrees, counter-clockwise from above
    node.set_pos(1, 1, 0)                  # poses: set_pos, set_h, set_hpr, set_quat, set_scale, set_color_scale,
    node.hide()                            # ... hide, show, remove_node (panda3d.core.NodePath)
    scene.look_at((0, -3, 1.6), (0, 0, 0.5))                    # or scene.look(position, heading, pitch)
    image = scene.image(224)               # fresh uint8 (224, 224, 3); samples=2 smooths edges; height, width
    x, y = scene.pixel_of((1, 1, 0.5), 224)                     # where a point is seen, or None

Metres; x right, y ahead, z up. Light is baked into the meshes by direction. The same bytes on every run on one machine.
"""

from mmgym_puzzles.scene.engine import MissingRenderer
from mmgym_puzzles.scene.mesh import Mesh, Point
from mmgym_puzzles.scene.scene import Scene
from mmgym_puzzles.scene.textures import TEXTURES, add_texture

__all__ = ["TEXTURES", "Mesh", "MissingRenderer", "Point", "Scene", "add_texture"]
