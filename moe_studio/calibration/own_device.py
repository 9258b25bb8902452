"""A device of a user's own in a fit: known by a datasheet, in a file or in a calibration that is there already."""

from dataclasses import dataclass
from pathlib import Path

from moe_studio.calibration.store import datasheet_of, device_name, differences, facts_of, read_calibration
from moe_studio.errors import Fault, FileError, MoeStudioError
from moe_studio.kernel.carry import ON_THE_CHIP
from moe_studio.kernel.device import DeviceFacts, device_facts
from moe_studio.kernel.fitted import Calibration
from moe_studio.project.cluster import Device
from moe_studio.storage.catalogue import DATASHEETS, read_device


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnDevice:
    """The name of a device, its datasheet, and the file that this is from."""

    name: str
    datasheet: Device
    file: str

    def needs(self, figure: str, because: str) -> None:
        """Raise `FileError` unless the datasheet has a figure."""
        if not getattr(self.datasheet, figure):
            message = f"is missing in the datasheet of {self.name}; {because}"
            raise FileError(self.file, [Fault(path=figure, message=message)])


def held_at(out_path: Path | None, device: str) -> Calibration | None:
    """The calibration that is already at ``out_path``, which must not be the datasheet ``device``."""
    if out_path is None or not out_path.exists():
        return None
    if is_datasheet(device) and Path(device).exists() and out_path.samefile(device):
        raise MoeStudioError(f"{out_path.name} is the datasheet itself; write the calibration to another file.")
    return read_calibration(out_path)


def own_device(device: str, old: Calibration | None, out_path: Path | None) -> OwnDevice | None:
    """The device whose datasheet is the file ``device``, or else is in ``old``, what ``out_path`` holds; or none.

    Raises:
        FileError: if the file is no datasheet that a fit can rest on.
    """
    if not is_datasheet(device):
        if old is None or old.datasheet is None or out_path is None:
            return None
        return OwnDevice(name=old.facts.name, datasheet=old.datasheet, file=out_path.name)
    name, datasheet = read_device(Path(device))
    own = OwnDevice(name=name, datasheet=datasheet, file=Path(device).name)
    own.needs("sms", "kernels are fitted in waves over streaming multiprocessors or compute units.")
    return own


def is_datasheet(device: str) -> bool:
    """Whether a word that names a device is the path of a datasheet."""
    return device.lower().endswith(DATASHEETS)


def facts_by_gpu(gpu: str, own: OwnDevice | None) -> DeviceFacts:
    """The datasheet of a GPU as tables write it, or `MoeStudioError`."""
    name = device_name(gpu, [own.name] if own else ())
    return device_facts(name, own.datasheet) if own and own.name == name else facts_of(name)


def chosen_name(device: str, own: OwnDevice | None) -> str:
    """The name of the device that ``device`` chooses; empty when it chooses none."""
    if own and is_datasheet(device):
        return own.name
    return device_name(device, [own.name] if own else ()) if device else ""


def empty_calibration(name: str, own: OwnDevice | None) -> Calibration:
    """A calibration of a device to which nothing is fitted yet."""
    datasheet = own.datasheet if own and own.name == name else None
    return Calibration(facts=facts_by_gpu(name, own), families={}, datasheet=datasheet)


def check_links(own: OwnDevice | None, facts: DeviceFacts, family: str, file: str) -> None:
    """Raise `FileError` if the kernels of ``family`` send over links that the datasheet of an own device leaves out."""
    if own and own.name == facts.name and family not in ON_THE_CHIP:
        own.needs("link_gb_s", f"{file} has times of its links.")


def check_same(old: Calibration, new: Calibration, file: str) -> None:
    """Raise `MoeStudioError` if ``old``, which is in ``file``, is not of the device of ``new``."""
    here, there = new.facts, old.facts
    if here.name != there.name:
        raise MoeStudioError(f"{file} holds a calibration of {there.name}; write that of {here.name} to another file.")
    if not here.is_like(there):
        found = differences(datasheet_of(new), datasheet_of(old))
        raise MoeStudioError(f"{file} was fitted to other figures of {here.name}; now {found}: write to another file.")
