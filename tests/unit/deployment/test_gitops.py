"""The examples of Argo CD and Flux: the overlays that they name are there, in the namespaces they have."""

from typing import Any

import yaml

from tests.unit.deployment.manifests import ROOT

GITOPS, OVERLAYS = ROOT / "kubernetes" / "gitops", ROOT / "kubernetes" / "overlays"
Document = dict[str, Any]
KINDS = {
    "AppProject": "argoproj.io/v1alpha1",
    "ApplicationSet": "argoproj.io/v1alpha1",
    "GitRepository": "source.toolkit.fluxcd.io/v1",
    "Kustomization": "kustomize.toolkit.fluxcd.io/v1",
}


def documents() -> list[Document]:
    return [one for path in sorted(GITOPS.rglob("*.yaml")) for one in yaml.safe_load_all(path.read_text())]


def of_kind(kind: str) -> list[Document]:
    return [one for one in documents() if one["kind"] == kind]


def elements() -> list[Document]:
    """What the ApplicationSet makes applications of."""
    (found,) = of_kind("ApplicationSet")
    (generator,) = found["spec"]["generators"]
    listed: list[Document] = generator["list"]["elements"]
    return listed


def named() -> dict[str, str]:
    """The overlays that are named, each with the namespace that is said of it."""
    found = {one["overlay"]: one["namespace"] for one in elements()}
    for one in of_kind("Kustomization"):
        overlay = one["spec"]["path"].rpartition("/")[2]
        for check in one["spec"]["healthChecks"]:
            assert found.setdefault(overlay, check["namespace"]) == check["namespace"]
    return found


def test_they_are_of_these_kinds() -> None:
    assert {one["kind"]: one["apiVersion"] for one in documents()} == KINDS


def test_the_overlays_are_there_with_their_namespaces() -> None:
    there = {
        path.parent.name: yaml.safe_load(path.read_text())["namespace"]
        for path in OVERLAYS.glob("*/kustomization.yaml")
    }
    assert named() == there


def test_paths_are_those_of_overlays() -> None:
    (argo,) = of_kind("ApplicationSet")
    assert argo["spec"]["template"]["spec"]["source"]["path"] == "kubernetes/overlays/{{ .overlay }}"
    flux = [one["spec"]["path"] for one in of_kind("Kustomization")]
    assert flux == ["./kubernetes/overlays/prod", "./kubernetes/overlays/staging"]


def test_argo_may_go_where_the_overlays_are_and_nowhere_else() -> None:
    (project,) = of_kind("AppProject")
    spec = project["spec"]
    assert {one["namespace"] for one in spec["destinations"]} == {one["namespace"] for one in elements()}
    assert spec["clusterResourceWhitelist"] == []
    (argo,) = of_kind("ApplicationSet")
    assert spec["sourceRepos"] == [argo["spec"]["template"]["spec"]["source"]["repoURL"]]


def test_production_waits_for_somebody() -> None:
    """And neither example takes away what runs because it is taken out of a list."""
    automated = {one["overlay"]: one["automated"] for one in elements()}
    assert automated == {"dev": "true", "staging": "true", "prod": "false"}
    (argo,) = of_kind("ApplicationSet")
    assert argo["spec"]["syncPolicy"] == {"preserveResourcesOnDeletion": True}


def test_each_kustomization_of_flux_has_its_source() -> None:
    sources = {one["metadata"]["name"] for one in of_kind("GitRepository")}
    assert {one["spec"]["sourceRef"]["name"] for one in of_kind("Kustomization")} == sources
