# Owns: finding a service over multicast DNS without our code: zeroconf for Python. Usage: mdns-browse.py ADDRESS NAME, where ADDRESS is one of this
# machine's on the network to look in. Prints what it found as one line of JSON, then one line `gone` when it said goodbye.
import json
import sys
import threading

from zeroconf import ServiceBrowser, ServiceListener, Zeroconf

KIND = "_https._tcp.local."
WAIT_S = 60
name = f"{sys.argv[2]}.{KIND}"
found = threading.Event()
gone = threading.Event()


class Listener(ServiceListener):
    def add_service(self, zc, kind, one):
        if one == name:
            found.set()

    def update_service(self, zc, kind, one):
        pass

    def remove_service(self, zc, kind, one):
        if one == name:
            gone.set()


zeroconf = Zeroconf(interfaces=[sys.argv[1]])
browser = ServiceBrowser(zeroconf, KIND, Listener())
if not found.wait(WAIT_S):
    sys.exit("it was not found")
info = zeroconf.get_service_info(KIND, name, 10_000)
print(
    json.dumps(
        {
            "label": info.get_name(),
            "host": info.server,
            "port": info.port,
            "addresses": info.parsed_addresses(),
            "properties": {key.decode(): value.decode() for key, value in info.properties.items()},
        }
    ),
    flush=True,
)
if not gone.wait(WAIT_S):
    sys.exit("it did not say goodbye")
print("gone", flush=True)
zeroconf.close()
