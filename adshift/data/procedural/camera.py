"""The inspection camera: canvas to photograph, and the mask between two photographs of one scene."""

import cv2
import numpy as np
import numpy.typing as npt

from adshift.data.procedural.noise import Field

Photo = npt.NDArray[np.uint8]

SIDE = 256  # side of a photograph in pixels
CHANGE = 4  # a pixel belongs to the mask where a channel differs by more than this many of the 255 levels
SPECK = 15  # changed islands of up to this many pixels are left out: PRO counts every region alike
PINHOLE = 12  # unchanged islands of up to this many pixels, enclosed by changed ones, belong to the mask too


def photograph(sensor: np.random.Generator, scene_HW3: Field) -> Photo:
    """Photograph (SIDE, SIDE, 3) uint8 RGB of a canvas in [0, 1]: lens, light, tint, shot and read noise."""
    half = scene_HW3.shape[0] // 2
    if half != SIDE:
        raise AssertionError(f"canvas of side {scene_HW3.shape[0]}, expected {2 * SIDE}")
    image = cv2.resize(scene_HW3, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    image = cv2.GaussianBlur(image, (0, 0), sensor.uniform(0.45, 0.6))
    ramp = np.linspace(-1, 1, SIDE, dtype=np.float32)
    slope_x, slope_y = sensor.uniform(-0.035, 0.035, 2).astype(np.float32)
    light = 1 + slope_x * ramp[None, :] + slope_y * ramp[:, None]
    tint = (sensor.uniform(0.95, 1.05) * sensor.uniform(0.992, 1.008, 3)).astype(np.float32)
    exposed = np.clip(image * light[..., None] * tint, 0, 1)
    spread = np.sqrt(np.float32(0.005**2) + np.float32(0.012**2) * exposed)
    noise = sensor.standard_normal(exposed.shape, dtype=np.float32)
    levels = np.clip(np.round((exposed + spread * noise) * 255), 0, 255)
    return np.asarray(levels, dtype=np.uint8)


def change_mask(harmed: Photo, sound: Photo) -> Photo:
    """Mask (SIDE, SIDE) of 0 and 255: the regions that differ, less specks, their pinholes filled."""
    changed = (cv2.absdiff(harmed, sound).max(axis=2) > CHANGE).astype(np.uint8)
    changed &= 1 - _islands(changed, SPECK, connectivity=8)
    filled = changed | _islands(1 - changed, PINHOLE, connectivity=4)
    return np.asarray(filled * 255, dtype=np.uint8)


def _islands(cover: Photo, limit: int, *, connectivity: int) -> Photo:
    """The part (0 or 1) of `cover` (0 or 1) that lies in components of at most `limit` pixels."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats(cover, connectivity=connectivity)
    small = stats[:, cv2.CC_STAT_AREA] <= limit
    small[0] = False
    return np.asarray(small[labels], dtype=np.uint8)
