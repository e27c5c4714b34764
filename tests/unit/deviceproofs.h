/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/unit/deviceproofs.h - keys and proofs that WebCrypto made, of the challenges in
 * docs/formats/device.md; those of ES256 stand there too.
 */
#ifndef WARIFU_TESTS_DEVICEPROOFS_H
#define WARIFU_TESTS_DEVICEPROOFS_H

#define CHALLENGE_1 \
	"oKGio6SlpqeoqaqrrK2urwEY11uEI_MAAELHT4Yv1k-PBG55dFdMbm8"
#define CHALLENGE_2 \
	"oKGio6SlpqeoqaqrrK2urwIY11uEI_MAAUjGKrL_xH1cxrtY9FwzcIM"
#define TOKEN_1 \
	"AQGgoaKjpKWmp6ipqqusra6vAAAAAGqxO4AAAAAAarE7vMDBwsPExcbH0I3hJestkcLq4KyDWvB5" \
	"vA"
#define TOKEN_2 \
	"AQKgoaKjpKWmp6ipqqusra6vAAAAAGqxO4AAAAAAarE8ysDBwsPExcbHGsGAyFUkgK8SsV5n-U-X" \
	"kg"

#define ES256_KEY \
	"{\"crv\":\"P-256\",\"kty\":\"EC\",\"x\":\"MBocgh0QjjFY4qcrub1i6713tsEJhDHYxX" \
	"nP_tT8qWA\",\"y\":\"6wQ3O_PDQiLmseyqHhJZiGvHouXNuShhLmz7hyH9YZI\"}"
#define ES256_THUMB \
	"jp408FBnMee-0f235oUC6yQGdH3WaDiIEmEnVaoc_Bo"
#define ES256_REGISTER \
	"eyJhbGciOiJFUzI1NiIsImp3ayI6eyJjcnYiOiJQLTI1NiIsImt0eSI6IkVDIiwieCI6Ik1Cb2Nn" \
	"aDBRampGWTRxY3J1YjFpNjcxM3RzRUpoREhZeFhuUF90VDhxV0EiLCJ5IjoiNndRM09fUERRaUxt" \
	"c2V5cUhoSlppR3ZIb3VYTnVTaGhMbXo3aHlIOVlaSSJ9LCJ0eXAiOiJkYnNjK2p3dCJ9.eyJhdXR" \
	"ob3JpemF0aW9uIjoiYSIsImp0aSI6Im9LR2lvNlNscHFlb3FhcXJySzJ1cndFWTExdUVJX01BQUV" \
	"MSFQ0WXYxay1QQkc1NWRGZE1ibTgifQ.Zy_u7DxKuwlptkDl5yvoGXfk40oGDG9oQB9sxjrmbXbJ" \
	"EiBqdrDclgAIjXEsRRdwz-p5NF7HdTw-W7QWRPvnMw"
#define ES256_REFRESH \
	"eyJhbGciOiJFUzI1NiIsInR5cCI6ImRic2Mrand0In0.eyJqdGkiOiJvS0dpbzZTbHBxZW9xYXFy" \
	"cksydXJ3SVkxMXVFSV9NQUFVakdLckxfeEgxY3hydFk5Rnd6Y0lNIn0.6_tcTrbU3J18AufMQOl8" \
	"Vm5gp112h1SKXEQFSoc4E9qrbCXPxf5wjmtw1mgdqSQr2W82M-E_wDp0pDWtpCz0Ag"

#define RS256_KEY \
	"{\"e\":\"AQAB\",\"kty\":\"RSA\",\"n\":\"szPuExZm6vSFMDXxZUhN1yVCCLGnkqAN__AF" \
	"6lKacwQdBRsoIhkqRkAQRjWELR_UoqvEUOu1qnaMUJvSMZj3ejFVBmMJ-Wab8FXx0mPoQI76zRZn" \
	"3bLHDs6JskIIPr_QE87L60BU1WacNy8xhrgXwbuwW5N9W2HTv4b_k56JuF6sfCWmDasWGx5WAhTG" \
	"pNnm6BDvVzg_Qf7XqCOBH3xrkBOfy9OP_CP9TFpkprCSaMOiIVxxxmCpcQUtMDYJUpn30eDqqfik" \
	"syHo0sc6cBY4dbyEIw2UwwRBGJPdUt_JaAL8Tk11IYpDdL6pqo0urRHAkPmHr76VYqc4QasSifWB" \
	"pw\"}"
#define RS256_THUMB \
	"cCIq30fUxO_YH17HSUZlNw8hwzbpitiOiUER5k9jDAY"
#define RS256_REGISTER \
	"eyJhbGciOiJSUzI1NiIsImp3ayI6eyJlIjoiQVFBQiIsImt0eSI6IlJTQSIsIm4iOiJzelB1RXha" \
	"bTZ2U0ZNRFh4WlVoTjF5VkNDTEdua3FBTl9fQUY2bEthY3dRZEJSc29JaGtxUmtBUVJqV0VMUl9V" \
	"b3F2RVVPdTFxbmFNVUp2U01aajNlakZWQm1NSi1XYWI4Rlh4MG1Qb1FJNzZ6UlpuM2JMSERzNkpz" \
	"a0lJUHJfUUU4N0w2MEJVMVdhY055OHhocmdYd2J1d1c1TjlXMkhUdjRiX2s1Nkp1RjZzZkNXbURh" \
	"c1dHeDVXQWhUR3BObm02QkR2VnpnX1FmN1hxQ09CSDN4cmtCT2Z5OU9QX0NQOVRGcGtwckNTYU1P" \
	"aUlWeHh4bUNwY1FVdE1EWUpVcG4zMGVEcXFmaWtzeUhvMHNjNmNCWTRkYnlFSXcyVXd3UkJHSlBk" \
	"VXRfSmFBTDhUazExSVlwRGRMNnBxbzB1clJIQWtQbUhyNzZWWXFjNFFhc1NpZldCcHcifSwidHlw" \
	"IjoiZGJzYytqd3QifQ.eyJhdXRob3JpemF0aW9uIjoiYSIsImp0aSI6Im9LR2lvNlNscHFlb3Fhc" \
	"XJySzJ1cndFWTExdUVJX01BQUVMSFQ0WXYxay1QQkc1NWRGZE1ibTgifQ.VrzKk8LY8Jfe5tF2hK" \
	"bEZDzVoUkZEKq1OhOY2Ho6mKVpqLYv5rXBtQZX94B_ksCGfbl1XM1UCgbLDZKz_0cvkuOYNv36r8" \
	"5vjlplbkm4IK3O7OfRnxntD7qIEGvzpDEA058NK2a0JEjMNksn9BgqRESjpTdxTKU-aEdqo__QH_" \
	"AW9pV4fi-COC2kaIOqdUX-x6g7i4eabDbah8xs51yCcYi8LypdSJtHrIH4P34ZtgsTtL5LA3Vumn" \
	"m8pR_6OHv-qZ4czyu0PD6VgmWNJfczgRAoTs52jbUnSN-k1O4SLdt31CpfIWxOT9X6q8o98srZvI" \
	"kp_ULw1hBy6p4CAJHxcA"
#define RS256_REFRESH \
	"eyJhbGciOiJSUzI1NiIsInR5cCI6ImRic2Mrand0In0.eyJqdGkiOiJvS0dpbzZTbHBxZW9xYXFy" \
	"cksydXJ3SVkxMXVFSV9NQUFVakdLckxfeEgxY3hydFk5Rnd6Y0lNIn0.mMcRMnDg6Kl13_phm-mu" \
	"IPuCL-UwSCzygW72mOcJc48oSB394kuRWj3FUe_uNAXucngS6isKXPNdx59agsx00bjOho_aPo1R" \
	"PjK4TT6EtrCVumXH0DMY-T26hsimiyL23-XvkC_Z3azBpAbKO3FzH-JrmtgYLg3XmEBRrmpt_s2W" \
	"MKbn5hBnJavuzJK_KuDfESMhtq9WBXxYDYQ0QVKRc1n-O_gbEFx-5YkkDDcnvyINk0It_eRT3zjX" \
	"8KJMwHE27zTVcbGweguQWqpr-PytEghoqzp_FcuuNjqDSp0auLI25X5dv7Flzb2uAoyu4mWcRs56" \
	"sC6MHn2CCJcBf208Tg"

#endif
