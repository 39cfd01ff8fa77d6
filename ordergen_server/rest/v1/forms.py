"""Bodies as callers send and read them. Rules are the API's; here is only what JSON itself can get wrong."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, Field, WithJsonSchema

_LARGEST = 2**63 - 1


def _is_text(value: str) -> str:
    """JSON can escape half of a character, which no text has."""
    try:
        value.encode()
    except UnicodeEncodeError:
        raise ValueError("must be text: it has half of a surrogate pair") from None
    return value


#: Text of a body.
Text = Annotated[str, AfterValidator(_is_text)]
#: The API checks these; here is what the document says of them.
EntityId = Annotated[Text, WithJsonSchema({"type": "string", "pattern": "^[0-9A-Za-z]{24}$"})]
Name = Annotated[Text, WithJsonSchema({"type": "string", "minLength": 1, "maxLength": 255})]
Version = Annotated[int, Field(ge=0, le=_LARGEST, description="The version that was read.")]
#: Sent as a JSON number or a string, and read digit for digit.
Weight = Annotated[
    Decimal,
    WithJsonSchema(
        {"anyOf": [{"type": "number", "minimum": 0, "maximum": 1}, {"type": "string", "format": "decimal"}]}
    ),
]
#: Answered as a string, digit for digit.
Digits = Annotated[str, WithJsonSchema({"type": "string", "pattern": r"^-?\d+(\.\d+)?$"})]
#: Answered as a JSON number, digit for digit.
Number = Annotated[Decimal, WithJsonSchema({"type": "number"})]
#: UTC, and without a zone: pages show it as it is.
Time = Annotated[str, WithJsonSchema({"type": "string", "examples": ["2026-11-25T11:57:21.001000"]})]
Day = Annotated[str, WithJsonSchema({"type": "string", "format": "date"})]
Side = Literal["BUY", "SELL"]
Id = Annotated[str, Field(examples=["68a1c0ffee0000000000beef"])]


class PositionForm(BaseModel):
    """A security of a model."""

    security_id: EntityId
    target: Weight = Field(description="Weight of market value: 0, or a multiple of 0.005 up to 0.95.")
    high_drift: Weight = Field(description="How far above the target the weight may lie: 0 to 1.")
    low_drift: Weight = Field(description="How far below the target the weight may lie: 0 to high_drift.")


class NewModel(BaseModel):
    """A model to create."""

    name: Name
    positions: list[PositionForm] = []
    portfolios: list[EntityId]


class ChangedModel(NewModel):
    """A model as it is to be."""

    version: Version
    last_rebalance_date: datetime | None = Field(default=None, description="Ignored: the server keeps it.")


class Portfolios(BaseModel):
    """Portfolios, by their ids."""

    portfolios: list[EntityId] = Field(min_length=1)


class PositionAnswer(BaseModel):
    """A security of a model."""

    security_id: Id
    target: Digits
    high_drift: Digits
    low_drift: Digits


class ModelAnswer(BaseModel):
    """A model as stored."""

    model_id: Id
    name: str
    positions: list[PositionAnswer]
    portfolios: list[str]
    last_rebalance_date: Time | None
    version: int


class TransactionAnswer(BaseModel):
    """An order of whole shares."""

    portfolio_id: Id
    transaction_type: Side
    security_id: Id
    quantity: int
    trade_date: Day


class DriftAnswer(BaseModel):
    """A security of a portfolio, before and after."""

    portfolio_id: Id
    security_id: Id
    original_quantity: Digits
    adjusted_quantity: Digits
    target: Digits
    high_drift: Digits
    low_drift: Digits
    actual: Digits


class PortfolioOrders(BaseModel):
    """What the rebalance of a portfolio asks for."""

    portfolio_id: Id
    rebalance_id: Id
    transactions: list[TransactionAnswer]
    drifts: list[DriftAnswer]
    state: str


class ModelOrders(PortfolioOrders):
    """What the rebalance of a model asks for; its portfolio_id is the model's id."""

    number_of_portfolios: int
    portfolios_done: int = Field(description="Less than number_of_portfolios while the run goes on.")


class LineAnswer(BaseModel):
    """A security of a portfolio in a run."""

    security_id: Id
    price: Number = Field(
        description="0 where the reason is FROZEN: it has no usable price, nor market values and actual."
    )
    original_quantity: Number
    adjusted_quantity: Number
    original_position_market_value: Number
    adjusted_position_market_value: Number
    target: Number
    high_drift: Number
    low_drift: Number
    actual: Number
    actual_drift: Number = Field(description="actual / target - 1; 0 where the target is 0.")
    transaction_type: Side | None
    trade_quantity: int | None
    trade_date: Time | None
    ticker: str
    reason: str


class PortfolioAnswer(BaseModel):
    """What a run did for a portfolio; where it could not be valued, its state and error say so."""

    portfolio_id: Id
    market_value: Number
    cash_before_rebalance: Number
    cash_after_rebalance: Number
    positions: list[LineAnswer]
    portfolio_name: str
    state: str
    error: str | None


class RebalanceAnswer(BaseModel):
    """A run with what it did for each portfolio."""

    rebalance_id: Id
    model_id: Id
    rebalance_date: Time
    model_name: str
    number_of_portfolios: int
    portfolios: list[PortfolioAnswer]
    version: int
    created_at: Time
    state: str
    error: str | None


class Told(BaseModel):
    """A sentence."""

    message: str


class Refusal(BaseModel):
    """What was refused, and why."""

    detail: str


class BrokenRule(BaseModel):
    """A rule that a body or a query breaks."""

    type: str
    loc: list[str | int]
    msg: str
    input: object = None


class BrokenRules(BaseModel):
    """Every rule that is broken; or one sentence where the API cannot do what was asked."""

    detail: list[BrokenRule] | str
