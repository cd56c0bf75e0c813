# Owns: a real RTSP server for tests, on GStreamer's gst-rtsp-server. Prints "PORT n" once it listens on 127.0.0.1.
# Arguments: port (0: any), GStreamer launch line of the stream, and optionally user and password. Not part of the product.
import sys

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer  # noqa: E402

Gst.init(None)
if sys.argv[1] == "--check":
    sys.exit(0 if all(Gst.ElementFactory.find(name) for name in sys.argv[2:]) else 1)

port, launch = sys.argv[1:3]
server = GstRtspServer.RTSPServer()
server.set_address("127.0.0.1")
server.set_service(port)
factory = GstRtspServer.RTSPMediaFactory()
factory.set_launch(launch)
factory.set_shared(True)
if len(sys.argv) == 5:
    user, password = sys.argv[3:5]
    auth = GstRtspServer.RTSPAuth()
    token = GstRtspServer.RTSPToken()
    token.set_string("media.factory.role", "viewer")
    auth.add_basic(GstRtspServer.RTSPAuth.make_basic(user, password), token)
    server.set_auth(auth)
    permissions = GstRtspServer.RTSPPermissions()
    for right in ("media.factory.access", "media.factory.construct"):
        permissions.add_permission_for_role("viewer", right, True)
    factory.set_permissions(permissions)
server.get_mount_points().add_factory("/porch", factory)
server.attach(None)
print("PORT", server.get_bound_port(), flush=True)
# Ends with the test that started it: its stdin closes.
GLib.io_add_watch(0, GLib.IO_HUP, lambda *_: sys.exit(0))
GLib.MainLoop().run()
