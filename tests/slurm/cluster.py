"""A real Slurm on this machine: Debian's packages, a controller and a few virtual nodes, in a folder of its own.

No systemd, no cgroups, an accounting database only where it is asked for: what is left is what schedules, starts,
signals and kills jobs. Without cgroups nothing holds a job to its processors; its memory is measured every second and a
job over it is killed.
"""

import fcntl
import os
import secrets
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# Daemons, and the packages that have them.
SLURM = {"munged": "munge", "slurmctld": "slurm-wlm", "slurmd": "slurm-wlm"}
ACCOUNTING = {"slurmdbd": "slurmdbd", "mariadbd": "mariadb-server"}
COMMANDS = ["sbatch", "srun", "squeue", "scancel", "scontrol", "sinfo", "sacct", "sacctmgr", "sshare"]
NODES, CPUS, MEMORY, GPUS = ["node1", "node2", "node3"], 8, 64_000, 4  # of each; they claim more than there is
# A node whose files in the folder `late` are seen by nobody else, and which sees nobody else's there: the others see
# what is in that folder, this node what is in `late.node`. Only where the system allows mounts.
LATE = "late"

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
JobCompType=jobcomp/filetxt
JobCompLoc={folder}/completed
{accounting}
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
PartitionName=main Nodes={main} Default=YES MaxTime=INFINITE State=UP PriorityTier=1
PartitionName=spare Nodes={main} MaxTime=INFINITE State=UP PriorityTier=1 PreemptMode=CANCEL
PartitionName=urgent Nodes={main} MaxTime=INFINITE State=UP PriorityTier=10
PartitionName=late Nodes={late} MaxTime=INFINITE State=UP
"""

_NO_ACCOUNTING = "AccountingStorageType=accounting_storage/none"
_ACCOUNTING = """
AccountingStorageType=accounting_storage/slurmdbd
AccountingStorageHost=127.0.0.1
AccountingStoragePort={port}
AccountingStoragePass={folder}/munge.socket
"""
_DATABASE = """
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
DbdHost={host}
DbdAddr=127.0.0.1
DbdPort={port}
SlurmUser=root
PidFile={folder}/slurmdbd.pid
LogFile={folder}/slurmdbd.log
StorageType=accounting_storage/mysql
StorageHost=localhost
StorageUser=root
"""


def why_not(daemons: dict[str, str] = SLURM) -> str | None:
    """Return why these cannot be started here, None where they can: packages are installed now if they were not."""
    if sys.platform != "linux" or os.geteuid() != 0:
        return "starting a Slurm takes root on Linux"
    if not _may_make_devices():
        return "starting a Slurm with GPUs takes device files, which root may not make here"
    if not shutil.which("apt-get") and not all(map(_daemon, daemons)):
        return "Slurm is not installed, and only Debian's packages of it are known here"
    # Tests run in several processes: one installs, the others wait for it.
    with Path(tempfile.gettempdir(), "slurm-packages.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return None if all(map(_daemon, daemons)) else _install(sorted(set(daemons.values())))


def _may_make_devices() -> bool:
    with tempfile.TemporaryDirectory() as folder:
        try:
            os.mknod(f"{folder}/device", stat.S_IFCHR | 0o666, os.makedev(1, 3))
        except OSError:
            return False
    return True


def _install(packages: list[str]) -> str | None:
    """Install Debian's packages; return why that was not possible."""
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    options["env"] = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run(["apt-get", "update"], **options)
    done = subprocess.run(["apt-get", "install", "--yes", "--no-install-recommends", *packages], **options)
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

    def start(self, accounting: bool = False) -> None:
        # Snakemake drops SLURM_CONF before it calls srun: commands of this cluster's own say it again. They also note
        # when they were called, and in which job.
        (self.folder / "bin").mkdir()
        for name in COMMANDS:
            note = f'echo "$(date +%s) {name} $SLURM_JOB_ID" >> {self.folder}/calls'
            call = f'SLURM_CONF={self.folder}/slurm.conf exec {shutil.which(name)} "$@"'
            script = self.folder / "bin" / name
            script.write_text(f"#!/bin/sh\n{note}\n{call}\n")
            script.chmod(0o755)
        host, ports = socket.gethostname().split(".")[0], _free_ports(3 + len(NODES))
        place = {"host": host, "folder": self.folder, "port": ports[1]}
        nodes = [
            f"NodeName={name} NodeHostname={host} NodeAddr=127.0.0.1 Port={port} CPUs={CPUS} RealMemory={MEMORY} "
            f"Gres=gpu:a100:{GPUS} State=UNKNOWN"
            for name, port in zip([*NODES, LATE], ports[2:], strict=True)
        ]
        configuration = _CONFIGURATION.format(
            **place,
            controller=ports[0],
            accounting=_ACCOUNTING.format(**place) if accounting else _NO_ACCOUNTING,
            nodes="\n".join(nodes),
            main=",".join(NODES),
            late=LATE,
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
        if accounting:
            database = self.folder / "slurmdbd.conf"
            database.touch(0o600)
            database.write_text(_DATABASE.format(**place))
            self._start_database()
            self.start_accounting()
            _until(lambda: self("sacctmgr", "list", "cluster", check=False), 30, "slurmdbd")
            for what in ("cluster podium", "account default", "user root account=default"):
                self("sacctmgr", "--immediate", "add", *what.split())
        self.start_controller()
        for name in NODES:
            self._run(_daemon("slurmd"), "-N", name)
        states = ("sinfo", f"--nodes={','.join(NODES)}", "--noheader", "--format=%T")
        _until(lambda: set(self(*states).split()) == {"idle"}, 30, "the nodes to be idle")

    def start_late_node(self) -> bool:
        """Start the node LATE, with nothing in its folders; return whether the system allows it a mount of its own."""
        shared, own = self.folder / "late", self.folder / "late.node"
        for place in (shared, own):
            place.mkdir(exist_ok=True)
            for entry in place.iterdir():
                shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
        if (self.folder / f"slurmd.{LATE}.pid").exists():
            return True
        if subprocess.run(["unshare", "--mount", "mount", "--bind", own, shared], stderr=subprocess.DEVNULL).returncode:
            return False
        node = f"mount --bind {own} {shared} && exec {_daemon('slurmd')} -N {LATE}"
        self._run("unshare", "--mount", "sh", "-c", node)
        _until(lambda: self("sinfo", f"--nodes={LATE}", "--noheader", "--format=%T") == "idle", 30, "the late node")
        return True

    def _start_database(self) -> None:
        """Start the database that slurmdbd needs: reached through a socket in this folder, by whoever can read it."""
        data, place = self.folder / "mariadb", self.folder / "mariadb.socket"
        self._run(shutil.which("mariadb-install-db"), "--no-defaults", "--user=root", f"--datadir={data}")
        options = ["--no-defaults", "--user=root", "--skip-networking", "--skip-grant-tables"]
        options += [f"--datadir={data}", f"--socket={place}", f"--pid-file={self.folder}/mariadb.pid"]
        with (self.folder / "mariadb.log").open("w") as log:
            command = [_daemon("mariadbd"), *options]
            subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, start_new_session=True)
        _until(lambda: place.exists() and (self.folder / "mariadb.pid").exists(), 60, "the database")

    def start_accounting(self) -> None:
        self._run(_daemon("slurmdbd"))

    def stop_accounting(self) -> None:
        self._end(self.folder / "slurmdbd.pid")

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
        others = [self.folder / f"{name}.pid" for name in ("slurmctld", "slurmdbd", "mariadb", "munged")]
        for pid in [*self.folder.glob("slurmd.*.pid"), *others]:
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
        environment = self.environment | {
            "SLURM_CONF": str(self.folder / "slurm.conf"),
            "MYSQL_UNIX_PORT": str(self.folder / "mariadb.socket"),
        }
        done = subprocess.run(
            command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, timeout=60
        )
        if done.returncode:
            raise RuntimeError(f"{' '.join(command)}: {done.stderr}")

    def __call__(self, *command: str, check: bool = True, errors: bool = False) -> str:
        """Run a command of Slurm's and return what it prints, or what it says of errors."""
        path = self.environment["PATH"]
        arguments = [shutil.which(command[0], path=path), *command[1:]]
        done = subprocess.run(arguments, env=self.environment, capture_output=True, text=True, timeout=60)
        if check and done.returncode:
            raise RuntimeError(f"{' '.join(command)}: {done.stderr}")
        return (done.stderr if errors else done.stdout).strip()


@contextmanager
def running_cluster(folder: Path, accounting: bool = False) -> Iterator[Cluster]:
    """Start a Slurm in an empty folder. When this ends it is stopped and the folder is gone.

    Another process does that, this file's own, as soon as it hears no more of this one: also where this one is killed.
    """
    stopping = subprocess.Popen([sys.executable, __file__, folder], stdin=subprocess.PIPE, start_new_session=True)
    try:
        cluster = Cluster(folder)
        cluster.start(accounting)
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
