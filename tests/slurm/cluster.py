"""A real Slurm on this machine: Debian's packages, a controller and a few virtual nodes, in a folder of its own.

No systemd, no accounting database, no cgroups: what is left is what schedules, starts, signals and kills jobs. Without
cgroups nothing holds a job to its processors; its memory is measured every second and a job over it is killed.
"""

import os
import secrets
import shutil
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PACKAGES = ["slurm-wlm", "munge"]
DAEMONS = ["munged", "slurmctld", "slurmd"]
COMMANDS = ["sbatch", "srun", "squeue", "scancel", "scontrol", "sinfo", "sacct", "sacctmgr", "sshare"]
NODES, CPUS, MEMORY, GPUS = ["node1", "node2", "node3"], 8, 64_000, 4  # of each; they claim more than there is

_CONFIGURATION = """
ClusterName=podium
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool.%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.%n.log
ProctrackType=proctrack/pgid
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=1
JobAcctGatherParams=OverMemoryKill
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SlurmdParameters=config_overrides
SchedulerParameters=batch_sched_delay=0,sched_min_interval=0,sched_interval=1,bf_interval=1
MinJobAge=300
KillWait=5
ReturnToService=1
MpiDefault=none
GresTypes=gpu
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
{nodes}
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP PriorityTier=1
PartitionName=urgent Nodes=ALL MaxTime=INFINITE State=UP PriorityTier=10
"""


def why_not() -> str | None:
    """Return why no Slurm can be started here, None where it can: its packages are installed now if they were not."""
    if sys.platform != "linux" or os.geteuid() != 0:
        return "starting a Slurm takes root on Linux"
    if all(map(_daemon, DAEMONS)):
        return None
    if not shutil.which("apt-get"):
        return "Slurm is not installed, and only Debian's packages of it are known here"
    quiet = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run(["apt-get", "update"], env=environment, **quiet)
    install = ["apt-get", "install", "--yes", "--no-install-recommends", *PACKAGES]
    done = subprocess.run(install, env=environment, **quiet)
    if done.returncode:
        return f"Slurm could not be installed: {done.stdout.strip().splitlines()[-1]}"
    return None


def _daemon(name: str) -> str | None:
    return shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")


class Cluster:
    """A running Slurm.

    Attributes
    ----------
    environment
        With it a command of Slurm's speaks to this cluster.
    """

    def __init__(self, folder: Path):
        self.folder = folder
        self.environment = os.environ | {"PATH": f"{folder}/bin:{os.environ['PATH']}"}

    def start(self) -> None:
        # Snakemake drops SLURM_CONF before it calls srun: commands of this cluster's own say it again.
        (self.folder / "bin").mkdir()
        for name in COMMANDS:
            script = self.folder / "bin" / name
            script.write_text(f'#!/bin/sh\nSLURM_CONF={self.folder}/slurm.conf exec {shutil.which(name)} "$@"\n')
            script.chmod(0o755)
        host, ports = socket.gethostname().split(".")[0], _free_ports(1 + len(NODES))
        nodes = [
            f"NodeName={name} NodeHostname={host} NodeAddr=127.0.0.1 Port={port} CPUs={CPUS} RealMemory={MEMORY} "
            f"Gres=gpu:a100:{GPUS} State=UNKNOWN"
            for name, port in zip(NODES, ports[1:], strict=True)
        ]
        configuration = _CONFIGURATION.format(
            host=host, folder=self.folder, controller=ports[0], nodes="\n".join(nodes)
        )
        (self.folder / "slurm.conf").write_text(configuration)
        devices = [self.folder / f"gpu{number}" for number in range(GPUS)]
        for device in devices:
            os.mknod(device, stat.S_IFCHR | 0o666, os.makedev(1, 3))  # as /dev/null
        lines = ["AutoDetect=off", *(f"Name=gpu Type=a100 File={device}" for device in devices)]
        (self.folder / "gres.conf").write_text("\n".join(lines) + "\n")
        key = self.folder / "munge.key"
        key.write_bytes(secrets.token_bytes(128))
        key.chmod(0o600)
        files = {"key-file": key, "socket": "munge.socket", "pid-file": "munged.pid"}
        files |= {"log-file": "munged.log", "seed-file": "munge.seed"}
        munge = [f"--{option}={self.folder / file}" for option, file in files.items()]
        self._run(_daemon("munged"), "--force", *munge)
        self.start_controller()
        for name in NODES:
            self._run(_daemon("slurmd"), "-N", name)
        _until(lambda: self("sinfo", "--noheader", "--format=%T").split() == ["idle"], 30, "the nodes to be idle")

    def start_controller(self) -> None:
        self._run(_daemon("slurmctld"))

    def stop_controller(self) -> None:
        self._end(self.folder / "slurmctld.pid")

    def stop(self) -> None:
        """Cancel all jobs and end every process that `start` began."""
        self("scancel", "--user=root", check=False)
        deadline = time.monotonic() + 20
        while self("squeue", "--noheader", check=False) and time.monotonic() < deadline:
            time.sleep(0.2)
        for pid in [*self.folder.glob("slurmd.*.pid"), self.folder / "slurmctld.pid", self.folder / "munged.pid"]:
            self._end(pid)

    def _end(self, pid_file: Path) -> None:
        if not pid_file.exists():
            return
        pid = int(pid_file.read_text())
        for number, seconds in ((signal.SIGTERM, 15), (signal.SIGKILL, 5)):
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                break
            deadline = time.monotonic() + seconds
            while _alive(pid) and time.monotonic() < deadline:
                time.sleep(0.05)
        pid_file.unlink(missing_ok=True)

    def _run(self, *command: str) -> None:
        environment = self.environment | {"SLURM_CONF": str(self.folder / "slurm.conf")}
        done = subprocess.run(
            command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, timeout=60
        )
        if done.returncode:
            raise RuntimeError(f"{' '.join(command)}: {done.stderr}")

    def __call__(self, *command: str, check: bool = True) -> str:
        """Run a command of Slurm's and return what it prints."""
        path = self.environment["PATH"]
        arguments = [shutil.which(command[0], path=path), *command[1:]]
        done = subprocess.run(arguments, env=self.environment, capture_output=True, text=True, timeout=60)
        if check and done.returncode:
            raise RuntimeError(f"{' '.join(command)}: {done.stderr}")
        return done.stdout.strip()


@contextmanager
def running_cluster(folder: Path) -> Iterator[Cluster]:
    """Start a Slurm in an empty folder. When this ends it is stopped and the folder is gone.

    Another process does that, this file's own, as soon as it hears no more of this one: also where this one is killed.
    """
    stopping = subprocess.Popen([sys.executable, __file__, folder], stdin=subprocess.PIPE, start_new_session=True)
    try:
        cluster = Cluster(folder)
        cluster.start()
        yield cluster
    finally:
        stopping.stdin.close()
        stopping.wait()


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def _free_ports(number: int) -> list[int]:
    sockets = [socket.socket() for _ in range(number)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()


def _until(condition, seconds: float, what: str) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {seconds:.0f} s for {what}")
        time.sleep(0.2)


if __name__ == "__main__":
    sys.stdin.read()
    place = Path(sys.argv[1])
    Cluster(place).stop()
    shutil.rmtree(place)
