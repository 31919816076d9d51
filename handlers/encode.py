"""The bytes of one order: Binance order JSON for the exchange, Uniswap V2 router call data for a pool.

Exchange orders keep the limit of a MARKET line: they leave as LIMIT IOC at the worst acceptable price, which is what risk
approved. Prices and quantities carry exactly the decimals of their instrument.

A pool order is exact in base, as the order is. Both router functions have the same five arguments
(uint256, uint256, address[] path, address to, uint256 deadline):

    sale       swapExactTokensForTokens   0x38ed1739   amountIn = quantity,  amountOutMin = limit · quantity, rounded up
    purchase   swapTokensForExactTokens   0x8803dbee   amountOut = quantity, amountInMax  = limit · quantity, rounded down

Amounts are in the tokens' base units, exact up to 2^126 (pools hold less than 2^112).

Source: Binance WebSocket API, order.place and order.cancel; Solidity, Contract ABI Specification (a dynamic argument's
head is the offset of its tail, 0xa0 here); Uniswap V2 periphery, IUniswapV2Router01.
"""

from __future__ import annotations

import numpy as np

from disruptor.compiled import compiled
from handlers.fees import notional_units
from handlers.text import put_bytes, put_decimal, put_hex, put_hex_bytes, put_hex_word, put_integer
from handlers.wide import product_high, product_low
from hydraflow.codes import Side, TimeInForce

__all__ = ["BYTES_MAX", "put_cancel", "put_place", "put_swap"]

BYTES_MAX = 1024  # most bytes of one order; a swap takes some 790

_BUY = int(Side.BUY)
_GTC, _POST_ONLY = int(TimeInForce.GTC), int(TimeInForce.POST_ONLY)
_PIECES: list[bytes] = []


def _piece(text: str) -> np.int64:
    """Add a constant text; return where it lies in _TEXT: start << 16 | length.

    A numpy scalar, not an int or a tuple: numba would compile `_put` again for every literal.
    """
    start = sum(map(len, _PIECES))
    _PIECES.append(text.encode())
    return np.int64(start << 16 | len(text))


_PLACE = _piece('{"method":"order.place","params":{"symbol":"')
_CANCEL = _piece('{"method":"order.cancel","params":{"symbol":"')
_SIDE_BUY = _piece('","side":"BUY","type":"LIMIT","timeInForce":"')
_SIDE_SELL = _piece('","side":"SELL","type":"LIMIT","timeInForce":"')
_TIF_GTC, _TIF_IOC, _TIF_GTX = _piece("GTC"), _piece("IOC"), _piece("GTX")
_PRICE = _piece('","price":"')
_QUANTITY = _piece('","quantity":"')
_NEW_ID = _piece('","newClientOrderId":"hfx-')
_ORIGINAL_ID = _piece('","origClientOrderId":"hfx-')
_TIMESTAMP = _piece('","timestamp":')
_END = _piece("}}")
_SWAP = _piece('{"method":"swap","params":{"clientOrderId":"hfx-')
_PAIR = _piece('","pair":"0x')
_NOT_BEFORE = _piece('","notBefore":')
_PUBLIC = _piece(',"private":false,"data":"0x')
_PRIVATE = _piece(',"private":true,"data":"0x')
_SELL_SELECTOR, _BUY_SELECTOR = _piece("38ed1739"), _piece("8803dbee")
_ADDRESS_PADDING = _piece("0" * 24)
_END_SWAP = _piece('"}}')
_TEXT = np.frombuffer(b"".join(_PIECES), np.uint8)

_PATH_OFFSET, _PATH_LENGTH, _NONE = np.int64(0xA0), np.int64(2), np.int64(0)


@compiled(inline=False)
def _put(target, place, piece):
    return put_bytes(target, place, _TEXT, piece >> 16, piece & 0xFFFF)


@compiled(inline=False)
def _put_symbol(target, place, instrument):
    return put_bytes(target, place, instrument["symbol"], 0, np.int64(instrument["symbol_length"]))


@compiled(inline=False)
def put_place(target, place, instrument, order, order_id, price_ticks, quantity_lots, receive_ns):
    """Write an order.place request; return the place after it. receive_ns : becomes the timestamp in milliseconds."""
    place = _put_symbol(target, _put(target, place, _PLACE), instrument)
    place = _put(target, place, _SIDE_BUY if order["side"] == _BUY else _SIDE_SELL)
    if order["time_in_force"] == _POST_ONLY:
        place = _put(target, place, _TIF_GTX)
    elif order["time_in_force"] == _GTC and order["type"] == 1:
        place = _put(target, place, _TIF_GTC)
    else:
        place = _put(target, place, _TIF_IOC)
    place = _put(target, place, _PRICE)
    price = price_ticks * instrument["price_multiple"]
    place = put_decimal(target, place, price, np.int64(instrument["price_decimals"]))
    place = _put(target, place, _QUANTITY)
    quantity = quantity_lots * instrument["quantity_multiple"]
    place = put_decimal(target, place, quantity, np.int64(instrument["quantity_decimals"]))
    place = put_integer(target, _put(target, place, _NEW_ID), order_id)
    place = put_integer(target, _put(target, place, _TIMESTAMP), receive_ns // 1_000_000)
    return _put(target, place, _END)


@compiled(inline=False)
def put_cancel(target, place, instrument, target_id, receive_ns):
    """Write an order.cancel request; return the place after it."""
    place = _put_symbol(target, _put(target, place, _CANCEL), instrument)
    place = put_integer(target, _put(target, place, _ORIGINAL_ID), target_id)
    place = put_integer(target, _put(target, place, _TIMESTAMP), receive_ns // 1_000_000)
    return _put(target, place, _END)


@compiled
def _power_of_ten(exponent):
    result = 1
    for _ in range(min(max(exponent, 0), 18)):
        result *= 10
    return result


@compiled(inline=False)
def _put_amount(target, place, amount, multiple, exponent, round_up):
    """Write amount · multiple · 10^exponent as one ABI word; a negative exponent divides and rounds as asked."""
    if exponent >= 0:
        factor = multiple * _power_of_ten(exponent)
        return put_hex_word(target, place, product_high(amount, factor), product_low(amount, factor))
    divisor = _power_of_ten(-exponent)
    scaled = amount * multiple
    whole = scaled // divisor
    if round_up and whole * divisor != scaled:
        whole += 1
    return put_hex_word(target, place, _NONE, whole)


@compiled(inline=False)
def _put_address(target, place, address):
    return put_hex_bytes(target, _put(target, place, _ADDRESS_PADDING), address)


@compiled(inline=False)
def put_swap(target, place, pool, order, order_id, price_ticks, quantity_lots, times, params):
    """Write a swap: JSON around the router's call data; return the place after it.

    pool : the pool's INSTRUMENT record. times : (not before, in ns; deadline, in seconds).
    """
    buying = order["side"] == _BUY
    place = put_integer(target, _put(target, place, _SWAP), order_id)
    place = put_hex_bytes(target, _put(target, place, _PAIR), pool["address"])
    place = put_integer(target, _put(target, place, _NOT_BEFORE), times[0] // 1_000_000)
    place = _put(target, place, _PRIVATE if order["private_relay"] != 0 else _PUBLIC)
    place = _put(target, place, _BUY_SELECTOR if buying else _SELL_SELECTOR)
    quantity_exponent = np.int64(pool["base_decimals"]) - np.int64(pool["quantity_decimals"])
    place = _put_amount(target, place, quantity_lots, pool["quantity_multiple"], quantity_exponent, False)
    money_exponent = np.int64(pool["quote_decimals"]) - np.int64(pool["price_decimals"]) - np.int64(pool["quantity_decimals"])
    money_multiple = pool["price_multiple"] * pool["quantity_multiple"]
    money = notional_units(price_ticks, quantity_lots)
    place = _put_amount(target, place, money, money_multiple, money_exponent, not buying)
    place = put_hex_word(target, place, _NONE, _PATH_OFFSET)
    place = put_hex(target, _put(target, place, _ADDRESS_PADDING), params["recipient_high"], 8)
    place = put_hex(target, put_hex(target, place, params["recipient_middle"], 16), params["recipient_low"], 16)
    place = put_hex_word(target, place, _NONE, times[1])
    place = put_hex_word(target, place, _NONE, _PATH_LENGTH)
    place = _put_address(target, place, pool["quote_token"] if buying else pool["base_token"])
    place = _put_address(target, place, pool["base_token"] if buying else pool["quote_token"])
    return _put(target, place, _END_SWAP)
