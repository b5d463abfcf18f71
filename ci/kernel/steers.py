#!/usr/bin/env python3
"""Exits 0 if this kernel lets a steering program be attached, and 1 with a reason if not.

A kernel whose work queue for BPF programs is stuck lets an attach hang for ever, beyond the reach
of any signal. So a child tries it, and is left behind if it does not come back.
"""

import ctypes
import os
import select
import socket
import struct
import sys

SO_ATTACH_REUSEPORT_CBPF = 51
RETURN_ZERO = struct.pack("HBBI", 0x06, 0, 0, 0)


def attach() -> None:
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    listener.bind(("127.0.0.1", 0))
    code = ctypes.create_string_buffer(RETURN_ZERO)
    program = struct.pack("HxxxxxxQ", 1, ctypes.addressof(code))
    listener.setsockopt(socket.SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, program)


def main() -> int:
    receiver, sender = os.pipe()
    if os.fork() == 0:
        os.close(receiver)
        try:
            attach()
            os.write(sender, b"yes")
        except OSError as error:
            os.write(sender, str(error).encode())
        os._exit(0)
    os.close(sender)
    answered, _, _ = select.select([receiver], [], [], 10)
    answer = os.read(receiver, 200).decode() if answered else "the attempt hangs"
    if answer == "yes":
        return 0
    print(f"this kernel cannot steer: {answer}", file=sys.stderr)
    return 1


sys.exit(main())
