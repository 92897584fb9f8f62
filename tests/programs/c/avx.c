// Vector registers keep their values while the program only computes.
#include "guest.h"

__attribute__((target("avx2"))) static int hold_ymm(void) {
	unsigned char in[32], out[32];
	for (int i = 0; i < 32; i++)
		in[i] = i * 7 + 1;
	__asm__ volatile("vmovdqu (%0), %%ymm7\n\tvmovdqu (%0), %%ymm15\n\t"
			 "mov $20000000, %%ecx\n1:\tdec %%ecx\n\tjnz 1b\n\t"
			 "vpcmpeqb %%ymm7, %%ymm15, %%ymm1\n\tvpand %%ymm1, %%ymm15, %%ymm1\n\tvmovdqu %%ymm1, (%1)\n\tvzeroupper"
			 : : "r"(in), "r"(out) : "ecx", "memory", "xmm1", "xmm7", "xmm15");
	return memcmp(in, out, 32) == 0;
}

__attribute__((target("avx512f"))) static int hold_zmm(void) {
	unsigned char in[64], out[64];
	for (int i = 0; i < 64; i++)
		in[i] = i * 5 + 3;
	__asm__ volatile("vmovdqu64 (%0), %%zmm30\n\tmov $0x5a5a, %%eax\n\tkmovw %%eax, %%k3\n\t"
			 "mov $20000000, %%ecx\n1:\tdec %%ecx\n\tjnz 1b\n\t"
			 "vmovdqu64 %%zmm30, (%1)\n\tkmovw %%k3, %%eax\n\tcmp $0x5a5a, %%eax\n\tje 2f\n\tmovb $0, (%1)\n2:"
			 : : "r"(in), "r"(out) : "eax", "ecx", "memory");
	return memcmp(in, out, 64) == 0;
}

int main(int argc, char **argv) {
	begin(argc, argv);
	do {
		if (__builtin_cpu_supports("avx2"))
			CHECK(hold_ymm());
		if (__builtin_cpu_supports("avx512f"))
			CHECK(hold_zmm());
	} while (going());
	return done("avx");
}
