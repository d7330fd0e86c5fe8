"""What stands between a client and a server."""
import socket
import threading


class Proxy:
    """A wire between a client and a server that can be cut, and keeps what the server said."""

    AT_ONCE = 65536

    def __init__(self, port):
        self.to, self.said, self.connections, self.is_cut = port, b"", 0, False
        self.pairs = []
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.port = self.listening.getsockname()[1]
        self.base = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client = self.listening.accept()[0]
                self.connections += 1
                server = None if self.is_cut else socket.create_connection(("127.0.0.1", self.to))
            except OSError:
                server = None
                if self.listening.fileno() < 0:
                    return
            if not server:
                client.close()
                continue
            self.pairs += [client, server]
            threading.Thread(target=self.carry, args=(client, server, False), daemon=True).start()
            threading.Thread(target=self.carry, args=(server, client, True), daemon=True).start()

    def carry(self, source, sink, is_answer):
        try:
            while (data := source.recv(self.AT_ONCE)):
                self.passes(data, is_answer)
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def passes(self, data, is_answer):
        """Before it goes on."""
        self.said += data if is_answer else b""

    def cut(self):
        self.is_cut = True
        for one in self.pairs:
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        self.pairs = []

    def restore(self):
        self.is_cut = False

    def close(self):
        self.listening.close()
        self.cut()
