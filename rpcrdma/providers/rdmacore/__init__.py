"""The ``verbs`` provider: adapters, soft-RoCE and siw, by way of rdma-core.

It needs pyverbs of the running Python version, and librdmacm:

* Debian and Ubuntu: ``apt-get install --no-install-recommends python3-pyverbs``. A virtual
  environment of the same Python version is shown that package, and no other, by
  ``ln -s /usr/lib/python3/dist-packages/pyverbs .venv/lib/python3.11/site-packages/pyverbs``.
* Elsewhere: ``pip install 'nfsrdma[verbs]'``. It builds all of rdma-core, so it needs a compiler,
  CMake, Ninja and the headers of libnl-3, libnl-route-3 and libudev; of pyverbs 59.0 Cython 3.0,
  not a later one (``--build-constraint``); and it runs only with the libraries of the same
  rdma-core release on ``LD_LIBRARY_PATH``.

The device chooses keys and addresses. Addresses are those of this process, and soft-RoCE's keys
can be guessed; protection domains, one for each connection, keep connections apart.

Options of ``open_device("verbs", ...)``: ``device``, the name of one (``rxe0``); otherwise it is
the one that has ``address``, or the first. ``windows=False`` does without memory windows.

The parts: ``device`` opens it, ``events`` and ``connection`` and ``listener`` are over
``librdmacm``; ``queue_pair``, ``completion`` and ``memory`` over pyverbs (``bindings``), with
``staging`` and ``work_requests`` below them.
"""

from .device import VerbsDevice, open_device

__all__ = ["VerbsDevice", "open_device"]
