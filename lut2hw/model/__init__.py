"""The learned model, which is the golden model too."""

from lut2hw.lazy import lazy

__all__ = ["Encoder", "Features", "Head", "Layer", "LutNetwork", "ModelFileError", "from_bytes", "to_bytes"]

__getattr__, __dir__ = lazy(
    __name__,
    {
        "Encoder": "encoder",
        "Features": "features",
        "Head": "network",
        "Layer": "network",
        "LutNetwork": "network",
        "ModelFileError": "file",
        "from_bytes": "network",
        "to_bytes": "network",
    },
)
