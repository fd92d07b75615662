"""LangChain's vector store on a node: adds, searches with filters and scores, gets, deletes."""

import hashlib

import pytest
from langchain_core.documents import Document
from langchain_core.embeddings import Embeddings
from langchain_turbopuffer import TurbopufferVectorStore

TEXTS = ["deep water", "deep sea", "high mountain", "quiet lake", "shallow river"]
METADATA = [{"depth": depth, "kind": kind} for depth, kind in
            [(90, "sea"), (70, "sea"), (0, "land"), (10, "lake"), (2, "river")]]


class Words(Embeddings):
    """A text's vector: its words, hashed into 64 dimensions."""

    def embed_query(self, text: str) -> list[float]:
        vector = [0.0] * 64
        for word in text.split():
            vector[hashlib.sha256(word.encode()).digest()[0] % 64] += 1.0
        return vector

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return [self.embed_query(text) for text in texts]


@pytest.fixture
def store(namespace) -> TurbopufferVectorStore:
    store = TurbopufferVectorStore(embedding=Words(), namespace=namespace)
    ids = [f"doc-{number}" for number in range(len(TEXTS))]
    assert store.add_texts(TEXTS, METADATA, ids=ids) == ids
    return store


def test_finds_the_nearest_text_with_its_metadata(store):
    [found] = store.similarity_search("quiet lake", k=1)
    assert found == Document(id="doc-3", page_content="quiet lake", metadata=METADATA[3])


def test_filters_what_it_finds(store):
    found = store.similarity_search("deep water", k=10, filters=("depth", "Lt", 80))
    assert {document.id for document in found} == {"doc-1", "doc-2", "doc-3", "doc-4"}
    both = ("And", (("kind", "Eq", "sea"), ("depth", "Gt", 80)))
    assert [document.id for document in store.similarity_search("sea", filters=both)] == ["doc-0"]


def test_scores_by_distance(store):
    scored = store.similarity_search_with_score("deep water", k=5)
    assert scored[0][0].id == "doc-0" and scored[0][1] == pytest.approx(0, abs=1e-5)
    assert [score for _, score in scored] == sorted(score for _, score in scored)
    relevant = store.similarity_search_with_relevance_scores("deep water", k=1)
    assert relevant[0][1] == pytest.approx(1, abs=1e-5)


def test_gets_and_deletes_by_id(store):
    assert {document.id for document in store.get_by_ids(["doc-1", "doc-4", "none"])} == {"doc-1", "doc-4"}
    assert store.delete(["doc-1"])
    assert [document.id for document in store.get_by_ids(["doc-1", "doc-4"])] == ["doc-4"]
    assert all(document.id != "doc-1" for document in store.similarity_search("deep sea", k=10))


def test_replaces_a_document(store):
    store.add_documents([Document(id="doc-0", page_content="dry desert", metadata={"depth": 1, "kind": "land"})])
    [found] = store.similarity_search("dry desert", k=1)
    assert found.id == "doc-0" and found.metadata == {"depth": 1, "kind": "land"}


def test_makes_ids_of_its_own(namespace):
    store = TurbopufferVectorStore.from_texts(TEXTS, Words(), namespace=namespace)
    found = store.similarity_search("high mountain", k=1)
    assert found[0].page_content == "high mountain" and len(found[0].id) == 36
