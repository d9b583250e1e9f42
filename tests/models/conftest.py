import pytest
import torch


@pytest.fixture(scope="package", autouse=True)
def _one_thread():
    """Small models are faster with one thread, by far where other tests run beside this one."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
