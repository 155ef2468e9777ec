"""Node and edge losses and their gradients against the reference (docs/SYSTEM.md section 3)."""

from pathlib import Path

import numpy as np
import pytest
import torch

from sgg.losses import edge_loss, node_loss

GOLDEN = np.load(Path(__file__).parent / "files" / "losses.npz")
CASES = list(enumerate(zip(GOLDEN["cases.type"].tolist(), GOLDEN["cases.alpha_beta_gamma"].tolist(), strict=True)))


@pytest.mark.parametrize("edges", ["mixed", "mixed51", "nofg", "nobg", "onefg"])
@pytest.mark.parametrize(("case", "settings"), CASES)
def test_edge_loss(edges: str, case: int, settings: tuple) -> None:
    kind, (foreground, background, scale) = settings
    labels = torch.tensor(GOLDEN[f"{edges}.rel_labels"])
    logits = torch.tensor(GOLDEN[f"{edges}.rel_dists"], requires_grad=True)
    loss = edge_loss(logits, labels, kind, foreground, background, scale)
    loss.backward()
    np.testing.assert_allclose(loss.item(), GOLDEN[f"{edges}.{case}.loss"], rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(logits.grad.numpy(), GOLDEN[f"{edges}.{case}.grad"], rtol=1e-4, atol=1e-5)
    exact = edge_loss(logits.detach().double(), labels, kind, foreground, background, scale)
    np.testing.assert_allclose(exact.item(), GOLDEN[f"{edges}.{case}.loss64"], rtol=1e-6)





def test_node_loss() -> None:
    logits = torch.tensor(GOLDEN["node.obj_dists"], requires_grad=True)
    loss = node_loss(logits, GOLDEN["node.obj_labels"])
    loss.backward()
    np.testing.assert_allclose(loss.item(), GOLDEN["node.loss"], rtol=1e-5)
    np.testing.assert_allclose(logits.grad.numpy(), GOLDEN["node.grad"], rtol=1e-4, atol=1e-5)
