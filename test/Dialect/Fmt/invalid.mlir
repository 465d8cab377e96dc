// RUN: quant-opt %s --split-input-file --verify-diagnostics

// expected-error @+1 {{expected a width of 1 to 8 bits, got 9}}
func.func private @wide() attributes {f = #fmt.int<9, tensor>}

// -----

// expected-error @+1 {{expected a width of 1 to 8 bits, got -1}}
func.func private @negative() attributes {f = #fmt.int<-1, tensor>}

// -----

// expected-error @+1 {{expected 'tensor', 'axis', 'per_row' or 'block', got 'column'}}
func.func private @granularity() attributes {f = #fmt.int<8, column>}

// -----

// expected-error @+1 {{expected 'axis' to be at least 0, got -1}}
func.func private @axis() attributes {f = #fmt.int<8, axis = -1>}

// -----

// expected-error @+1 {{expected 'block' to have at least one extent, got 0}}
func.func private @no_extents() attributes {f = #fmt.int<4, block = []>}

// -----

// expected-error @+1 {{expected extents of 'block' to be at least 1, got 0}}
func.func private @extent() attributes {f = #fmt.int<4, block = [1, 0]>}

// -----

// expected-error @+1 {{expected 'scale' to be f32 or f16, got 'bf16'}}
func.func private @scale() attributes {f = #fmt.int<4, tensor, scale = bf16>}

// -----

// expected-error @+1 {{expected 'offset' to be none, integer or float, got 'zero'}}
func.func private @offset() attributes {f = #fmt.int<4, tensor, offset = zero>}

// -----

// expected-error @+1 {{expected 'narrow' to be true or false, got 'yes'}}
func.func private @narrow() attributes {f = #fmt.int<4, tensor, narrow = yes>}

// -----

// expected-error @+1 {{expected 'narrow' to be false with an offset, whose codes are unsigned, got true}}
func.func private @narrow_unsigned() attributes {f = #fmt.int<4, tensor, offset = integer, narrow = true>}

// -----

// One signed bit has no positive code.
// expected-error @+1 {{expected codes of 1 bit to have an offset, got 'offset' none, which leaves no code but 0 and -1}}
func.func private @one_bit() attributes {f = #fmt.int<1, tensor>}

// -----

// expected-error @+1 {{expected 'scale', 'offset' or 'narrow', got 'zero'}}
func.func private @option() attributes {f = #fmt.int<4, tensor, zero = 1>}

// -----

// expected-error @+1 {{expected 'scale' once, got it twice}}
func.func private @twice() attributes {f = #fmt.int<4, tensor, scale = f16, scale = f32>}

// -----

// expected-error @+1 {{expected a float such as E4M3, got 'E4'}}
func.func private @float_name() attributes {f = #fmt.float<E4, tensor>}

// -----

// expected-error @+1 {{expected 2 or more bits of exponent, 1 or more of mantissa and at most 7 of both, got E5M3}}
func.func private @float_width() attributes {f = #fmt.float<E5M3, tensor>}

// -----

// expected-error @+1 {{expected 'scale', got 'offset'}}
func.func private @float_offset() attributes {f = #fmt.float<E4M3, tensor, offset = integer>}

// -----

// expected-error @+1 {{expected 'nf4' or a table such as [-1.0, 0.0, 1.0], got 'nf5'}}
func.func private @book_name() attributes {f = #fmt.codebook<nf5, tensor>}

// -----

// expected-error @+1 {{expected a table of 2 to 16 values, got 1}}
func.func private @book_size() attributes {f = #fmt.codebook<[1.0], tensor>}

// -----

// expected-error @+1 {{expected the values of a table in ascending order, got 0.000000e+00 after 1.000000e+00}}
func.func private @book_order() attributes {f = #fmt.codebook<[1.0, 0.0], tensor>}

// -----

// expected-error @+1 {{expected finite values in a table, got one that is not at index 1}}
func.func private @book_infinite() attributes {f = #fmt.codebook<[1.0, 0x7f800000], tensor>}

// -----

// expected-error @+1 {{expected extents of 'block' to be at least 1, got 0}}
func.func private @ternary_block() attributes {f = #fmt.ternary<block = [1, 0]>}
