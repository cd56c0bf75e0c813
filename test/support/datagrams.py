# Owns: a datagram socket of the Unix kind, which Node does not have: prints each datagram as a line. Not here: what it means.
import socket, sys

receiver = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
receiver.bind(sys.argv[1])
print('bound', flush=True)
while True:
    words = receiver.recv(4096).decode().strip()
    # The sender only waits until this one is taken (sd_notify_barrier(3)).
    if words != 'BARRIER=1':
        print(words.replace('\n', ' '), flush=True)
