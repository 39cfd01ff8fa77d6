"""The rules of models."""

from hypothesis import strategies as st

from tests.e2e.request_rules.rule import (
    ABSENT,
    EDGES,
    ENTITY_ID,
    ENTITY_IDS,
    GIVEN_BY_SERVER,
    NUMBER_FORM,
    OBJECT_ID,
    REQUEST_ID,
    REQUIRED_VERSION,
    SIZE,
    SKIP,
    TOKEN,
    VERSION,
    WEIGHT,
    Rule,
)
from tests.e2e.request_values import (
    Entries,
    above_one,
    entity_ids,
    long_texts,
    negative_numbers,
    no_numbers,
    no_targets,
    texts_but,
    too_many,
)

RULES: dict[str, Rule] = {
    "Model.model_id": GIVEN_BY_SERVER,
    "Model.name": Rule(
        "1 to 255 characters, not blank, unique",
        st.one_of(
            st.sampled_from(["", " ", "\t\n"]), st.integers(256, 1024).map(lambda n: "x" * n), long_texts
        ),
    ),
    "Model.positions": Rule("at most 100, their targets at most 0.95 together", too_many(100)),
    "Model.portfolio_ids": Rule(
        "exactly 24 alphanumeric characters each, once, at most 100,000", ENTITY_IDS.broken
    ),
    "Model.last_rebalance_time": GIVEN_BY_SERVER,
    "Model.version": GIVEN_BY_SERVER,
    "Model.create_time": GIVEN_BY_SERVER,
    "Model.update_time": GIVEN_BY_SERVER,
    "Model.update_actor": GIVEN_BY_SERVER,
    "Position.security_id": ENTITY_ID,
    "Position.target": Rule(
        f"0, or a multiple of 0.005 up to 0.95; {NUMBER_FORM}",
        st.one_of(st.just(""), no_numbers, negative_numbers, above_one, no_targets),
    ),
    "Position.high_drift": Rule(f"{WEIGHT}, not below low_drift; {NUMBER_FORM}", no_numbers | above_one),
    "Position.low_drift": Rule(
        f"{WEIGHT}, not above high_drift; {NUMBER_FORM}", st.one_of(no_numbers, negative_numbers, above_one)
    ),
    "CreateModelRequest.model": Rule("must be there: its name must not be blank", None, ABSENT),
    "CreateModelRequest.request_id": REQUEST_ID,
    "GetModelRequest.model_id": OBJECT_ID,
    "ListModelsRequest.page_size": SIZE,
    "ListModelsRequest.page_token": TOKEN,
    "ListModelsRequest.skip": SKIP,
    "ListModelsRequest.order_by": Rule(
        "model_id, name, last_rebalance_time, each once, optionally with ` desc`; at most 32 terms",
        st.one_of(
            st.sampled_from(
                ["version", "name asc", "name,name", "name,-name", "+", "name desc desc", "NAME"]
            ),
            st.integers(33, 200).map(lambda count: ", " * count + "name,model_id"),
            long_texts,
        ),
    ),
    "ListModelsRequest.portfolio_id": Rule(
        "exactly 24 alphanumeric characters, or empty", entity_ids.filter(bool)
    ),
    "UpdateModelRequest.model": Rule("must be there: its model_id and version are required", None, ABSENT),
    "UpdateModelRequest.model.model_id": OBJECT_ID,
    "UpdateModelRequest.model.version": REQUIRED_VERSION,
    "UpdateModelRequest.update_mask": Rule("empty, or see its paths", None, EDGES),
    "FieldMask.paths": Rule(
        "any of name, positions, portfolio_ids; or `*` alone",
        texts_but(r"name|positions|portfolio_ids|\*", "version", "model_id", "Name") | too_many(32),
    ),
    "DeleteModelRequest.model_id": OBJECT_ID,
    "DeleteModelRequest.version": REQUIRED_VERSION,
    "RemovePositionRequest.position.target": Rule(f"empty, or what is stored; {NUMBER_FORM}", no_numbers),
    "RemovePositionRequest.position.high_drift": Rule(f"empty, or what is stored; {NUMBER_FORM}", no_numbers),
    "RemovePositionRequest.position.low_drift": Rule(f"empty, or what is stored; {NUMBER_FORM}", no_numbers),
    **{
        f"{name}Request.{field}": rule
        for name in ("AddPosition", "UpdatePosition", "RemovePosition", "AddPortfolios", "RemovePortfolios")
        for field, rule in (("model_id", OBJECT_ID), ("version", VERSION))
    },
    **{
        f"{name}PositionRequest.position": Rule("must be there: its security_id is required", None, ABSENT)
        for name in ("Add", "Update", "Remove")
    },
    **{
        f"{name}PortfoliosRequest.portfolio_ids": Rule(
            "at least one and at most 100,000, exactly 24 alphanumeric characters each",
            st.just(Entries(0)) | entity_ids | too_many(100_000),
        )
        for name in ("Add", "Remove")
    },
}
