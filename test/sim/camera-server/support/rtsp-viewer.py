# Owns: a viewer for tests, on GStreamer's rtspsrc: writes the H.264 it receives to stdout as Annex B until the stream ends.
# Arguments: address, protocol (tcp or udp). Not part of the product.
import sys

import gi

gi.require_version("Gst", "1.0")
from gi.repository import Gst  # noqa: E402

Gst.init(None)
if sys.argv[1] == "--check":
    sys.exit(0 if all(Gst.ElementFactory.find(name) for name in sys.argv[2:]) else 1)
address, protocol = sys.argv[1:3]
pipeline = Gst.parse_launch(
    f'rtspsrc location="{address}" protocols={protocol} latency=200 drop-on-latency=false name=source '
    "source. ! application/x-rtp,media=video ! rtph264depay ! video/x-h264,stream-format=byte-stream,alignment=au "
    "! fdsink fd=1 sync=false "
    # Sound that nobody takes is an error to rtspsrc where it comes before the picture is linked.
    "source. ! application/x-rtp,media=audio ! fakesink sync=false async=false"
)
pipeline.set_state(Gst.State.PLAYING)
message = pipeline.get_bus().timed_pop_filtered(60 * Gst.SECOND, Gst.MessageType.EOS | Gst.MessageType.ERROR)
pipeline.set_state(Gst.State.NULL)
if message is None or message.type == Gst.MessageType.ERROR:
    print(message and message.parse_error(), file=sys.stderr)
    sys.exit(1)
