"""Names on disk: the folder of detectors, the files of a detector, keys of its metadata. Importing them needs no torch.
"""

FOLDER = "detectors"
"""The folder of detectors below the cache."""
WEIGHTS, METADATA = "weights.safetensors", "detector.json"
"""The files of a detector."""
SETTINGS = "settings"
"""The key of the backbone's own settings in detector.json."""
METRICS = "metrics"
"""The key in detector.json of its metrics on val, by name (`sgg.detector.evaluation.measure`)."""
IMAGE_HASH = "pictures_hash"
"""The key in detector.json of the hash of the image files that a detector was trained on."""
